//! Tells the linker how a Node addon is built on this platform.

fn main() {
    napi_build::setup();
}

//! Prepare the link of a Node addon.

fn main() {
    // `npm start` compiles all crates but this one while npm downloads the program that builds this one.
    if std::env::var_os("LINEAPRINT_DEPENDENCIES_ONLY").is_some() {
        println!("cargo::error=LINEAPRINT_DEPENDENCIES_ONLY is set, so that the addon itself is not built");
        return;
    }
    napi_build::setup();
}

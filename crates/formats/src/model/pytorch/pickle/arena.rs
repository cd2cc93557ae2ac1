//! Values by number, in pieces, so that growing moves nothing and takes no more than it holds.

/// Values of a piece.
const PIECE: usize = 1024;

/// Values by number.
#[derive(Debug)]
pub struct Arena<T> {
    pieces: Vec<Vec<T>>,
}

impl<T> Default for Arena<T> {
    fn default() -> Self {
        Self { pieces: Vec::new() }
    }
}

impl<T> Arena<T> {
    /// Return how many there are.
    pub fn len(&self) -> usize {
        let last = self.pieces.last().map_or(0, Vec::len);
        self.pieces.len().saturating_sub(1) * PIECE + last
    }

    /// Add a value.
    pub fn push(&mut self, value: T) {
        match self.pieces.last_mut() {
            Some(last) if last.len() < PIECE => last.push(value),
            _ => {
                let mut piece = Vec::with_capacity(PIECE);
                piece.push(value);
                self.pieces.push(piece);
            }
        }
    }

    /// Return the value numbered `id`.
    pub fn get(&self, id: u32) -> Option<&T> {
        let id = id as usize;
        self.pieces.get(id / PIECE)?.get(id % PIECE)
    }

    /// Return all of them in order.
    pub fn iter(&self) -> impl Iterator<Item = &T> {
        self.pieces.iter().flatten()
    }

    /// Return the value numbered `id`.
    pub fn get_mut(&mut self, id: u32) -> Option<&mut T> {
        let id = id as usize;
        self.pieces.get_mut(id / PIECE)?.get_mut(id % PIECE)
    }
}

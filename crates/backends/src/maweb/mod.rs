//! MA Web Remote, the client's side: grandMA2 and dot2 consoles and their onPC versions.

pub mod wire;

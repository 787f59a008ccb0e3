//! The page and the API of a running show: HTTP and WebSocket, on a thread of its own.
//!
//! The program implements [`Show`] and starts a [`Server`]. The show's loop never waits for it: commands go in, snapshots come
//! out, and a slow browser only receives fewer of them. While nobody looks, values are not observed.
//!
//! | module | what it does |
//! | --- | --- |
//! | `server` | the thread, the listening socket, connections and their limits |
//! | `auth` | who may do what: hosts, passwords, sessions, roles |
//! | `api` | the routes under `/api/v1`, one table |
//! | `live` | the WebSocket: the latest values, and what each browser has not seen of them |
//! | `ui` | the files of the page |
//!
//! There is no protocol here, and no file is read or written.

mod api;
mod live;
mod notices;
mod server;
mod settings;
mod show;
mod ui;

pub use notices::{NoticeBoard, NoticeInput};
pub use server::Server;
pub use settings::Settings;
pub use show::{Channel, Frame, MappingLines, Show, StatusReport, Values};

//! The page and the API of a running show: HTTP and WebSocket, on a thread of its own.
//!
//! The program implements [`RunningShow`] and starts a [`WebServer`]. The show's loop never waits for it: commands go in, snapshots come
//! out, and a slow browser only receives fewer of them. While nobody looks, values are not observed.
//!
//! | module | what it does |
//! | --- | --- |
//! | `server` | the thread, the listening socket, connections; `limits` and `stream` bound them |
//! | `guard`, `auth` | who may do what: hosts, origins, passwords, sessions, roles |
//! | `api` | the routes under `/api/v1`, one table |
//! | `live`, `pump`, `socket` | the latest values, the observation that brings them, and the WebSocket of each browser |
//! | `ui` | the files of the page |
//!
//! There is no protocol here, and no file is read or written.

mod answer;
mod api;
mod auth;
mod guard;
mod instances;
mod limits;
mod live;
mod notices;
mod pump;
mod server;
mod settings;
mod show;
mod site;
mod socket;
mod status;
mod stream;
mod ui;

pub use auth::hash_password;
pub use notices::{Board, NoticeInput};
pub use server::WebServer;
pub use settings::{Password, ServerSettings};
pub use show::{ChannelKey, Frame, MappingLines, RunningShow, StatusSnapshot, Values};

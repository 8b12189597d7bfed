//! Windows that are closing.
//!
//! Between the request to close a window and its end it can be neither shown nor built again. A window that is asked
//! for in that time is noted here, and opened once the old one is gone.

use std::collections::HashSet;

use parking_lot::Mutex;

use crate::window::Window;

#[derive(Default)]
struct Names {
    closing: HashSet<Window>,
    /// Those of them that are asked for again.
    reopen: HashSet<Window>,
}

/// See the module. The lock is for the event loop, which sees windows close, and the tasks that open them.
#[derive(Default)]
pub(crate) struct Closing(Mutex<Names>);

impl Closing {
    /// Notes that a window begins to close.
    pub(crate) fn begin(&self, name: Window) {
        self.0.lock().closing.insert(name);
    }

    /// Notes that a window is asked for. Returns true if it is closing and will be opened again after that.
    pub(crate) fn reopen(&self, name: Window) -> bool {
        let mut names = self.0.lock();
        let is_closing = names.closing.contains(&name);
        if is_closing {
            names.reopen.insert(name);
        }
        is_closing
    }

    /// Notes that a window is gone. Returns true if it is to be opened again.
    pub(crate) fn end(&self, name: Window) -> bool {
        let mut names = self.0.lock();
        names.closing.remove(&name);
        names.reopen.remove(&name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_window_asked_for_while_it_closes_is_opened_again() {
        let closing = Closing::default();
        assert!(!closing.reopen(Window::Main), "it is not closing");
        closing.begin(Window::Main);
        assert!(!closing.reopen(Window::Progress));
        assert!(closing.reopen(Window::Main));
        assert!(closing.end(Window::Main));
        closing.begin(Window::Main);
        assert!(!closing.end(Window::Main), "nobody asked this time");
    }
}

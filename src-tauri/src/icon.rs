//! The tray's icon: an ember, drawn for each state.
//!
//! The shape tells the states apart as well as the color does: an outline is stopped, a ring that grows is a load, a
//! full ember is ready, rays around it are requests in progress, a mark beside it is an error.

use std::fmt::Write as _;

use resvg::{
    tiny_skia::{Pixmap, Transform},
    usvg::{Options, Tree},
};

/// Width and height of the icon in pixels: twice what most panels show.
pub(crate) const SIZE: u32 = 64;

/// The ember, in a square of 64.
const EMBER: &str =
    "M32 6 C36 16 50 22 50 39 A18 18 0 0 1 14 39 C14 30 19 26 22 20 C24 24 27 25 28 27 C31 21 30 13 32 6 Z";

/// The hot kernel inside.
const KERNEL: &str = "M32 28 C35 34 41 37 41 44 A9 9 0 0 1 23 44 C23 38 29 36 32 28 Z";

/// What the icon shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum IconState {
    /// No daemon.
    Stopped,
    /// A load, with its percent.
    Loading(u8),
    /// A daemon that waits for requests.
    Ready,
    /// A daemon that works on requests.
    Busy,
    /// Something is wrong.
    Error,
}

/// How the icon is colored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Style {
    /// In colors that stand out on light and dark panels.
    Color,
    /// In black on transparent: macOS colors it by itself.
    Template,
}

impl Style {
    /// The OS's own.
    pub(crate) const fn of_system() -> Self {
        if cfg!(target_os = "macos") {
            Self::Template
        } else {
            Self::Color
        }
    }
}

struct Palette {
    ember: &'static str,
    kernel: &'static str,
    gray: &'static str,
    error: &'static str,
}

/// Returns the icon as SVG.
pub(crate) fn svg(state: IconState, style: Style) -> String {
    let Palette {
        ember,
        kernel,
        gray,
        error,
    } = match style {
        Style::Color => Palette {
            ember: "#e8590c",
            kernel: "#ffd43b",
            gray: "#868e96",
            error: "#e03131",
        },
        Style::Template => Palette {
            ember: "#000",
            kernel: "#fff",
            gray: "#000",
            error: "#000",
        },
    };
    let mut body = String::new();
    // Writing to a string cannot fail.
    let _ = match state {
        IconState::Stopped => write!(
            body,
            r#"<path d="{EMBER}" fill="none" stroke="{gray}" stroke-width="5" stroke-linejoin="round"/>"#
        ),
        IconState::Loading(percent) => {
            // A circle of radius 27 is 169.6 round.
            let round = 169.6 * f64::from(percent.min(100)) / 100.0;
            write!(
                body,
                r#"<circle cx="32" cy="32" r="27" fill="none" stroke="{gray}" stroke-opacity="0.45" stroke-width="7"/>
<circle cx="32" cy="32" r="27" fill="none" stroke="{ember}" stroke-width="7" stroke-dasharray="{round:.1} 170" transform="rotate(-90 32 32)"/>
<path d="{EMBER}" fill="{ember}" transform="translate(14.4 13.6) scale(0.55)"/>"#
            )
        }
        IconState::Ready => write!(
            body,
            r#"<path d="{EMBER}" fill="{ember}"/><path d="{KERNEL}" fill="{kernel}"/>"#
        ),
        IconState::Busy => {
            let rays = "M6 26 L2 24 M58 26 L62 24 M10 12 L7 8 M54 12 L57 8 M5 42 L1 43 M59 42 L63 43";
            write!(
                body,
                r#"<path d="{EMBER}" fill="{ember}"/><path d="{KERNEL}" fill="{kernel}" transform="translate(-9.6 -14) scale(1.3)"/><path d="{rays}" stroke="{ember}" stroke-width="5" stroke-linecap="round"/>"#
            )
        }
        IconState::Error => write!(
            body,
            r##"<path d="{EMBER}" fill="none" stroke="{gray}" stroke-width="5" stroke-linejoin="round"/><circle cx="48" cy="48" r="15" fill="{error}"/><path d="M48 39 L48 50 M48 56 L48 56.5" stroke="#fff" stroke-width="5" stroke-linecap="round"/>"##
        ),
    };
    format!(r#"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 64 64">{body}</svg>"#)
}

/// Returns the icon as RGBA, row by row, not premultiplied; `None` if the SVG is invalid, which a test rules out.
pub(crate) fn rgba(state: IconState, style: Style) -> Option<Vec<u8>> {
    let tree = Tree::from_str(&svg(state, style), &Options::default()).ok()?;
    let mut pixels = Pixmap::new(SIZE, SIZE)?;
    let scale = SIZE as f32 / tree.size().width();
    resvg::render(&tree, Transform::from_scale(scale, scale), &mut pixels.as_mut());
    Some(
        pixels
            .pixels()
            .iter()
            .flat_map(|pixel| {
                let pixel = pixel.demultiply();
                [pixel.red(), pixel.green(), pixel.blue(), pixel.alpha()]
            })
            .collect(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    const STATES: [IconState; 7] = [
        IconState::Stopped,
        IconState::Loading(0),
        IconState::Loading(50),
        IconState::Loading(100),
        IconState::Ready,
        IconState::Busy,
        IconState::Error,
    ];

    #[test]
    fn every_state_is_a_drawing_of_its_own_in_either_style() {
        for style in [Style::Color, Style::Template] {
            let drawings: Vec<Vec<u8>> = STATES.iter().map(|state| rgba(*state, style).unwrap()).collect();
            for (at, drawing) in drawings.iter().enumerate() {
                assert_eq!(drawing.len(), (SIZE * SIZE * 4) as usize);
                assert!(!drawings[..at].contains(drawing), "{:?}", STATES[at]);
            }
        }
    }

    #[test]
    fn the_ring_grows() {
        let colored = |percent| {
            let pixels = rgba(IconState::Loading(percent), Style::Color).unwrap();
            pixels
                .chunks(4)
                .filter(|pixel| pixel[0] > 200 && pixel[3] > 128)
                .count()
        };
        let counts: Vec<usize> = [0, 25, 50, 75, 100].map(colored).to_vec();
        assert!(counts.is_sorted_by(|one, other| one < other), "{counts:?}");
    }
}

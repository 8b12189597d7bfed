//! The tray's icon: an ember, drawn for each state.
//!
//! The shape tells the state as well as the colour does: an outline is stopped, a ring around a kernel is a load and
//! grows with it, a full ember is ready, rays around it are work, a mark beside it is an error.

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

/// What the icon says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Face {
    /// No daemon.
    Stopped,
    /// A load, with its percent.
    Loading(u8),
    /// A daemon at rest.
    Ready,
    /// A daemon at work.
    Busy,
    /// Something is wrong.
    Error,
}

/// How the icon is coloured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Style {
    /// In colours that stand out on light and dark panels.
    Colour,
    /// In black on nothing: macOS colours it by itself.
    Template,
}

impl Style {
    /// The OS's own.
    pub(crate) const fn of_system() -> Self {
        if cfg!(target_os = "macos") {
            Self::Template
        } else {
            Self::Colour
        }
    }
}

struct Palette {
    ember: &'static str,
    kernel: &'static str,
    rest: &'static str,
    error: &'static str,
}

/// The icon as SVG.
pub(crate) fn svg(face: Face, style: Style) -> String {
    let Palette {
        ember,
        kernel,
        rest,
        error,
    } = match style {
        Style::Colour => Palette {
            ember: "#e8590c",
            kernel: "#ffd43b",
            rest: "#868e96",
            error: "#e03131",
        },
        Style::Template => Palette {
            ember: "#000",
            kernel: "#fff",
            rest: "#000",
            error: "#000",
        },
    };
    let mut body = String::new();
    // Writing to a string cannot fail.
    let _ = match face {
        Face::Stopped => write!(
            body,
            r#"<path d="{EMBER}" fill="none" stroke="{rest}" stroke-width="5" stroke-linejoin="round"/>"#
        ),
        Face::Loading(percent) => {
            // A circle of radius 27 is 169.6 round.
            let round = 169.6 * f64::from(percent.min(100)) / 100.0;
            write!(
                body,
                r#"<circle cx="32" cy="32" r="27" fill="none" stroke="{rest}" stroke-opacity="0.45" stroke-width="7"/>
<circle cx="32" cy="32" r="27" fill="none" stroke="{ember}" stroke-width="7" stroke-dasharray="{round:.1} 170" transform="rotate(-90 32 32)"/>
<path d="{EMBER}" fill="{ember}" transform="translate(14.4 13.6) scale(0.55)"/>"#
            )
        }
        Face::Ready => write!(
            body,
            r#"<path d="{EMBER}" fill="{ember}"/><path d="{KERNEL}" fill="{kernel}"/>"#
        ),
        Face::Busy => {
            let rays = "M6 26 L2 24 M58 26 L62 24 M10 12 L7 8 M54 12 L57 8 M5 42 L1 43 M59 42 L63 43";
            write!(
                body,
                r#"<path d="{EMBER}" fill="{ember}"/><path d="{KERNEL}" fill="{kernel}" transform="translate(-9.6 -14) scale(1.3)"/><path d="{rays}" stroke="{ember}" stroke-width="5" stroke-linecap="round"/>"#
            )
        }
        Face::Error => write!(
            body,
            r##"<path d="{EMBER}" fill="none" stroke="{rest}" stroke-width="5" stroke-linejoin="round"/><circle cx="48" cy="48" r="15" fill="{error}"/><path d="M48 39 L48 50 M48 56 L48 56.5" stroke="#fff" stroke-width="5" stroke-linecap="round"/>"##
        ),
    };
    format!(r#"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 64 64">{body}</svg>"#)
}

/// The icon as RGBA, row by row, not premultiplied; `None` where the drawing is none, which a test rules out.
pub(crate) fn rgba(face: Face, style: Style) -> Option<Vec<u8>> {
    let tree = Tree::from_str(&svg(face, style), &Options::default()).ok()?;
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

    const FACES: [Face; 7] = [
        Face::Stopped,
        Face::Loading(0),
        Face::Loading(50),
        Face::Loading(100),
        Face::Ready,
        Face::Busy,
        Face::Error,
    ];

    #[test]
    fn every_face_is_a_drawing_of_its_own_in_either_style() {
        for style in [Style::Colour, Style::Template] {
            let drawings: Vec<Vec<u8>> = FACES.iter().map(|face| rgba(*face, style).unwrap()).collect();
            for (at, drawing) in drawings.iter().enumerate() {
                assert_eq!(drawing.len(), (SIZE * SIZE * 4) as usize);
                assert!(!drawings[..at].contains(drawing), "{:?}", FACES[at]);
            }
        }
    }

    #[test]
    fn the_ring_grows() {
        let coloured = |percent| {
            let pixels = rgba(Face::Loading(percent), Style::Colour).unwrap();
            pixels
                .chunks(4)
                .filter(|pixel| pixel[0] > 200 && pixel[3] > 128)
                .count()
        };
        let counts: Vec<usize> = [0, 25, 50, 75, 100].map(coloured).to_vec();
        assert!(counts.is_sorted_by(|one, other| one < other), "{counts:?}");
    }
}

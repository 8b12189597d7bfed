//! The picture of the results: bars of tokens a second and of a query's time, in light and dark.

use std::fmt::Write;

use anyhow::{Context, Result};

use super::{
    engine::Engine,
    results::{ModelResults, Results},
    works::QUERY,
};

/// The model that is drawn.
const MODEL: &str = "embedded";

/// The work whose tokens a second are drawn.
const BULK: &str = "26";

const WIDTH: usize = 860;
const MARGIN: usize = 20;
/// Where the bars of each panel begin.
const PANELS: [usize; 2] = [210, 545];
/// The longest bar.
const BAR: f64 = 215.0;
/// Where the first bar begins, below the heads.
const TOP: usize = 96;
/// From one bar to the next.
const ROW: usize = 26;
/// Height of a bar.
const THICK: usize = 16;
/// From one line of the notes to the next.
const LINE: usize = 18;
/// Characters of a line of the notes.
const NOTE: usize = 118;

const STYLE: &str = "\
text { font-family: system-ui, -apple-system, 'Segoe UI', Roboto, 'Noto Sans', sans-serif; font-size: 13px; fill: #1f2328 }
.head { font-size: 16px; font-weight: 600 }
.panel { font-weight: 600 }
.note { font-size: 12px; fill: #59636e }
.name { text-anchor: end }
.back { fill: #ffffff; stroke: #d1d9e0 }
.ours { fill: #d4550c }
.other { fill: #9aa4af }
.axis { stroke: #d1d9e0 }
@media (prefers-color-scheme: dark) {
text { fill: #f0f3f6 }
.note { fill: #a6b0bb }
.back { fill: #0d1117; stroke: #3d444d }
.ours { fill: #ff8a3d }
.other { fill: #6b7683 }
.axis { stroke: #3d444d }
}";

/// An engine that was measured: its name, tokens a second, milliseconds of a query.
struct Row<'a> {
    label: &'a str,
    is_ours: bool,
    values: [f64; 2],
}

/// Draws the embedded model of a run, with all threads.
pub(crate) fn chart(results: &Results) -> Result<String> {
    let model = results.models.iter().find(|model| model.name == MODEL);
    let model = model.context("the run has no figures of the embedded model")?;
    let threads = model.most_threads();
    let rows = rows(model, threads);
    let notes = notes(results, model);
    let axis_end = TOP + rows.len() * ROW;
    let height = axis_end + 12 + notes.len() * LINE + MARGIN / 2;

    let mut svg = String::new();
    write!(
        svg,
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{WIDTH}\" height=\"{height}\" viewBox=\"0 0 {WIDTH} {height}\" \
         role=\"img\">\n<title>Okibi's encoder beside others</title>\n<style>\n{STYLE}\n</style>\n\
         <rect class=\"back\" x=\"0.5\" y=\"0.5\" width=\"{}\" height=\"{}\" rx=\"8\"/>\n",
        WIDTH - 1,
        height - 1
    )?;
    let head = format!("multilingual-e5-small on a CPU, {threads} threads");
    text(&mut svg, "head", MARGIN, 32, &head)?;
    let titles = [
        ("tokens/s, texts of 26 tokens", "more is better"),
        ("ms, one query of 10 tokens", "less is better"),
    ];
    for (panel, (title, better)) in titles.into_iter().enumerate() {
        let x = PANELS[panel];
        text(&mut svg, "panel", x, 62, title)?;
        text(&mut svg, "note", x, 79, better)?;
        let most = rows.iter().map(|row| row.values[panel]).fold(0.0, f64::max);
        for (index, row) in rows.iter().enumerate() {
            let y = TOP + index * ROW;
            let class = if row.is_ours { "ours" } else { "other" };
            let value = row.values[panel];
            let length = (BAR * value / most).max(1.0);
            writeln!(
                svg,
                "<rect class=\"{class}\" x=\"{x}\" y=\"{y}\" width=\"{length:.1}\" height=\"{THICK}\" rx=\"2\"/>"
            )?;
            let shown = match panel {
                0 => thousands(value),
                _ => format!("{value:.1}"),
            };
            text(&mut svg, "value", x + length as usize + 6, y + 13, &shown)?;
        }
        let (begin, end) = (TOP - 6, axis_end - 4);
        writeln!(svg, "<path class=\"axis\" d=\"M{x} {begin}V{end}\"/>")?;
    }
    for (index, row) in rows.iter().enumerate() {
        text(
            &mut svg,
            "name",
            PANELS[0] - 10,
            TOP + index * ROW + 13,
            row.label,
        )?;
    }
    for (index, note) in notes.iter().enumerate() {
        text(&mut svg, "note", MARGIN, axis_end + 20 + index * LINE, note)?;
    }
    svg.push_str("</svg>\n");
    Ok(svg)
}

fn rows(model: &ModelResults, threads: usize) -> Vec<Row<'_>> {
    let ours = [Engine::Int8, Engine::Bf16, Engine::F32].map(Engine::key);
    let rows = model.engines.iter().filter_map(|engine| {
        let run = model.run(&engine.name, threads)?;
        Some(Row {
            label: &engine.label,
            is_ours: ours.contains(&engine.name.as_str()),
            values: [model.rate(run, BULK)?, run.best(QUERY)? * 1e3],
        })
    });
    rows.collect()
}

/// What the figures are of, and who is not among them.
fn notes(results: &Results, model: &ModelResults) -> Vec<String> {
    let mut notes = vec![
        format!("{}. Best of {} alternating turns.", results.machine, turns(model)),
        format!("Weights: {}.", model.files),
        "fastembed computes ONNX Runtime's int8 graph; sentence-transformers and text-embeddings-inference compute f32."
            .to_owned(),
    ];
    let missing = model.engines.iter().filter(|engine| engine.missing.is_some());
    let missing: Vec<&str> = missing.map(|engine| engine.label.as_str()).collect();
    if !missing.is_empty() {
        notes.push(format!("Not measured on this machine: {}.", missing.join(", ")));
    }
    notes.iter().flat_map(|note| wrapped(note)).collect()
}

fn turns(model: &ModelResults) -> usize {
    let runs = model.engines.iter().flat_map(|engine| &engine.runs);
    runs.filter_map(|run| run.seconds.get(BULK).map(Vec::len))
        .max()
        .unwrap_or(0)
}

/// A note in lines.
fn wrapped(note: &str) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in note.split(' ') {
        let line = lines.last_mut().expect("there is always a line");
        if line.is_empty() {
            line.push_str(word);
        } else if line.chars().count() + 1 + word.chars().count() <= NOTE {
            line.push(' ');
            line.push_str(word);
        } else {
            lines.push(word.to_owned());
        }
    }
    lines
}

fn text(svg: &mut String, class: &str, x: usize, y: usize, text: &str) -> std::fmt::Result {
    let text = text
        .replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;");
    writeln!(svg, "<text class=\"{class}\" x=\"{x}\" y=\"{y}\">{text}</text>")
}

/// A number with its thousands apart.
fn thousands(value: f64) -> String {
    let digits = format!("{value:.0}");
    let count = digits.len();
    let places = digits.chars().enumerate();
    places.fold(String::new(), |mut shown, (place, digit)| {
        if place > 0 && (count - place).is_multiple_of(3) {
            shown.push(',');
        }
        shown.push(digit);
        shown
    })
}

#[cfg(test)]
mod tests {
    use super::super::sample;
    use super::*;

    /// The names of the elements of a document, where each that begins ends.
    fn elements(document: &str) -> Vec<String> {
        let (mut open, mut all) = (Vec::new(), Vec::new());
        let mut rest = document;
        while let Some((before, after)) = rest.split_once('<') {
            assert!(!before.contains('>'), "{before}");
            for entity in before.split('&').skip(1) {
                let name = entity.split(';').next().unwrap();
                assert!(["amp", "lt", "gt"].contains(&name), "&{name}");
            }
            let (tag, after) = after.split_once('>').unwrap();
            rest = after;
            let name = tag.trim_matches('/').split_whitespace().next().unwrap();
            if tag.starts_with('/') {
                assert_eq!(open.pop(), Some(name));
                continue;
            }
            assert!(tag.matches('"').count().is_multiple_of(2), "{tag}");
            all.push(name.to_owned());
            if !tag.ends_with('/') {
                open.push(name);
            }
        }
        assert!(open.is_empty(), "{open:?}");
        all
    }

    #[test]
    fn the_picture_is_whole_and_has_every_engine() {
        let results = sample::results();
        let svg = chart(&results).unwrap();
        let elements = elements(&svg);
        assert_eq!(elements[0], "svg");
        assert_eq!(elements.iter().filter(|name| *name == "rect").count(), 1 + 2 * 6);
        for engine in &results.models[0].engines {
            assert!(svg.contains(&engine.label), "{}", engine.label);
        }
        assert!(svg.contains("A &lt;fast&gt; processor, 2 cores, avx2"));
        assert!(svg.contains("prefers-color-scheme: dark"));
    }

    #[test]
    fn a_run_without_the_embedded_model_is_not_drawn() {
        let mut results = sample::results();
        results.models.clear();
        assert!(chart(&results).is_err());
    }

    #[test]
    fn thousands_are_apart() {
        assert_eq!(
            [0.4, 999.0, 1000.0, 1_234_567.0].map(thousands),
            ["0", "999", "1,000", "1,234,567"]
        );
    }
}

//! A daemon's activity as tables on a terminal.

use std::time::{Duration, SystemTime};

use okibi_messages::{
    Lang,
    activity::{Heading, done, nothing_yet, queue, result},
    models, printable, units,
};
use okibi_protocol::method::{ActiveClient, Activity, Job, RecentRequest};
use unicode_width::UnicodeWidthStr;

use crate::style::{BAD, FAINT, GOOD, Line};

/// The clients, the queue, the long requests and the last ones, each with a heading. The newest request stands last, where
/// others follow it.
pub(crate) fn lines(activity: &Activity, requests: &mut RequestTable, lang: Lang) -> Vec<Line> {
    if activity.clients.is_empty() && activity.requests.is_empty() {
        return vec![nothing_yet(lang).into()];
    }
    let mut lines = Vec::new();
    if !activity.clients.is_empty() {
        lines.push(heading(Heading::Clients, lang));
        let mut table = Table::new(CLIENT_COLUMNS, lang);
        let rows: Vec<_> = activity
            .clients
            .iter()
            .map(|client| of_client(client, lang))
            .collect();
        lines.extend(table.with_headings(&rows));
    }
    lines.push(queue(activity.queue, lang).into());
    if !activity.jobs.is_empty() {
        lines.push(heading(Heading::Jobs, lang));
        let mut table = Table::new(JOB_COLUMNS, lang);
        let rows: Vec<_> = activity.jobs.iter().map(|job| of_job(job, lang)).collect();
        lines.extend(table.with_headings(&rows));
    }
    if !activity.requests.is_empty() {
        lines.push(heading(Heading::Requests, lang));
        lines.extend(requests.with_headings(&activity.requests));
    }
    lines
}

fn heading(heading: Heading, lang: Lang) -> Line {
    Line::styled(FAINT, heading.text(lang))
}

/// A row: its mark, and a cell for each column.
struct Row<const N: usize> {
    mark: Line,
    cells: [String; N],
}

const CLIENT_COLUMNS: [Heading; 9] = [
    Heading::Client,
    Heading::Program,
    Heading::Address,
    Heading::Dialect,
    Heading::Connections,
    Heading::RequestCount,
    Heading::Texts,
    Heading::Errors,
    Heading::Model,
];

fn of_client(client: &ActiveClient, lang: Lang) -> Row<9> {
    let program = match (&client.program, client.pid) {
        (Some(program), Some(pid)) => format!("{program} ({pid})"),
        (program, _) => program.clone().unwrap_or_default(),
    };
    let model = client.models.first();
    let model = model.map(|used| format!("{}, {}", used.model, ago(used.last_used_ms, lang)));
    Row {
        mark: match client.connections {
            0 => Line::styled(FAINT, "○"),
            _ => Line::styled(GOOD, "●"),
        },
        cells: [
            client.client.clone(),
            program,
            client.address.clone(),
            client.dialect.clone(),
            client.connections.to_string(),
            client.requests.to_string(),
            client.texts.to_string(),
            client.errors.to_string(),
            model.unwrap_or_else(|| ago(client.last_seen_ms, lang)),
        ],
    }
}

const JOB_COLUMNS: [Heading; 4] = [Heading::Client, Heading::Model, Heading::Done, Heading::Took];

fn of_job(job: &Job, lang: Lang) -> Row<4> {
    Row {
        mark: " ".into(),
        cells: [
            job.client.clone(),
            job.model.clone(),
            done(job.done, job.total, lang),
            units::long(since(job.began_ms), lang),
        ],
    }
}

const REQUEST_COLUMNS: [Heading; 8] = [
    Heading::When,
    Heading::Client,
    Heading::Dialect,
    Heading::Model,
    Heading::Texts,
    Heading::Tokens,
    Heading::Took,
    Heading::Result,
];

fn of_request(request: &RecentRequest, lang: Lang) -> Row<8> {
    let took = Duration::try_from_secs_f64(request.took_ms / 1e3).unwrap_or_default();
    Row {
        mark: match request.status {
            400.. => Line::styled(BAD, "×"),
            _ => " ".into(),
        },
        cells: [
            ago(request.at_ms, lang),
            request.client.clone(),
            request.dialect.clone(),
            request.model.clone().unwrap_or_default(),
            request.texts.to_string(),
            request.tokens.to_string(),
            units::seconds(took, lang),
            result(request, lang),
        ],
    }
}

/// The table of requests, which may go on.
pub(crate) struct RequestTable {
    table: Table<8>,
    lang: Lang,
}

impl RequestTable {
    pub(crate) fn new(lang: Lang) -> Self {
        let table = Table::new(REQUEST_COLUMNS, lang);
        Self { table, lang }
    }

    fn with_headings(&mut self, requests: &[RecentRequest]) -> Vec<Line> {
        let rows = self.rows(requests);
        self.table.with_headings(&rows)
    }

    /// Further lines of the table, below those that are there.
    pub(crate) fn lines(&mut self, requests: &[RecentRequest]) -> Vec<Line> {
        let rows = self.rows(requests);
        self.table.lines(&rows)
    }

    fn rows(&self, requests: &[RecentRequest]) -> Vec<Row<8>> {
        let newest_last = requests.iter().rev();
        newest_last
            .map(|request| of_request(request, self.lang))
            .collect()
    }
}

/// Columns under each other. They never become narrower.
struct Table<const N: usize> {
    headings: [&'static str; N],
    widths: [usize; N],
}

impl<const N: usize> Table<N> {
    fn new(columns: [Heading; N], lang: Lang) -> Self {
        let headings = columns.map(|column| column.text(lang));
        Self {
            headings,
            widths: headings.map(UnicodeWidthStr::width),
        }
    }

    fn with_headings(&mut self, rows: &[Row<N>]) -> Vec<Line> {
        let lines = self.lines(rows);
        let headings = Line::from("    ").and_styled(FAINT, &self.row(&self.headings.map(str::to_owned)));
        std::iter::once(headings).chain(lines).collect()
    }

    fn lines(&mut self, rows: &[Row<N>]) -> Vec<Line> {
        for row in rows {
            for (width, cell) in self.widths.iter_mut().zip(&row.cells) {
                // As it will be shown.
                *width = (*width).max(printable(cell).width());
            }
        }
        let line = |row: &Row<N>| {
            let mark = Line::from("  ").joined(&row.mark);
            mark.and(" ").and(&self.row(&row.cells)).trimmed()
        };
        rows.iter().map(line).collect()
    }

    fn row(&self, cells: &[String; N]) -> String {
        let padded = self.widths.iter().zip(cells).map(|(width, cell)| {
            let cell = printable(cell);
            format!("{cell}{}", " ".repeat(width.saturating_sub(cell.width())))
        });
        padded.collect::<Vec<_>>().join("  ").trim_end().to_owned()
    }
}

/// The time since a time of day; none where the clock was put back.
fn since(at_ms: u64) -> Duration {
    let at = SystemTime::UNIX_EPOCH + Duration::from_millis(at_ms);
    SystemTime::now().duration_since(at).unwrap_or_default()
}

fn ago(at_ms: u64, lang: Lang) -> String {
    models::ago(since(at_ms), lang)
}

#[cfg(test)]
mod tests {
    use okibi_protocol::method::{ClientModel, Queue, Refusal};

    use super::*;

    fn now_ms() -> u64 {
        let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
        since.unwrap().as_millis() as u64
    }

    fn activity() -> Activity {
        let at_ms = now_ms();
        Activity {
            clients: vec![ActiveClient {
                client: "openai-python".into(),
                program: Some("python3.11\x1b[2J".into()),
                pid: Some(4711),
                address: "127.0.0.1".into(),
                dialect: "openai".into(),
                connections: 1,
                last_seen_ms: at_ms,
                requests: 3,
                texts: 12,
                tokens: 90,
                errors: 1,
                models: vec![ClientModel {
                    model: "ruri".into(),
                    space: None,
                    last_used_ms: at_ms,
                }],
            }],
            queue: Queue {
                requests: 1,
                texts: 100,
            },
            jobs: vec![Job {
                client: "索引".into(),
                model: "ruri".into(),
                done: 45,
                total: 100,
                began_ms: at_ms,
            }],
            requests: vec![RecentRequest {
                at_ms,
                client: "Firefox".into(),
                dialect: "ollama".into(),
                model: None,
                texts: 0,
                tokens: 0,
                truncated: 0,
                took_ms: 0.0,
                status: 403,
                error: Some("foreign_origin".into()),
                refusal: Some(Refusal::Origin),
                origin: Some("https://example.org".into()),
            }],
        }
    }

    fn plain(lang: Lang) -> Vec<String> {
        let mut table = RequestTable::new(lang);
        let lines = lines(&activity(), &mut table, lang);
        lines.iter().map(Line::plain).collect()
    }

    #[test]
    fn an_activity_in_both_languages() {
        for (lang, ago) in [(Lang::En, "0 s ago"), (Lang::Ja, "0 秒前")] {
            let text = plain(lang).join("\n");
            for part in [
                "● openai-python  python3.11\\u{1b}[2J (4711)  127.0.0.1  openai",
                "45 %",
                "× ",
                "https://example.org",
                ago,
                queue(activity().queue, lang).as_str(),
            ] {
                assert!(text.contains(part), "{part} is not in\n{text}");
            }
        }
    }

    #[test]
    fn columns_stand_under_their_headings_whatever_script_they_are_in() {
        for lang in Lang::ALL {
            let lines = plain(lang);
            let column = |line: &str, value: &str| line[..line.find(value).unwrap()].width();
            let (headings, client) = (&lines[1], &lines[2]);
            let program = Heading::Program.text(lang);
            assert_eq!(
                column(headings, program),
                column(client, "python3.11"),
                "{lines:#?}"
            );
            let at = lines.iter().position(|line| line.contains("索引")).unwrap();
            let model = Heading::Model.text(lang);
            assert_eq!(
                column(&lines[at - 1], model),
                column(&lines[at], "ruri"),
                "{lines:#?}"
            );
        }
    }

    #[test]
    fn where_nobody_has_asked_that_is_said() {
        let mut table = RequestTable::new(Lang::En);
        let lines = lines(&Activity::default(), &mut table, Lang::En);
        assert_eq!(lines, [Line::from("No requests yet.")]);
    }
}

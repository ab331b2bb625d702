//! Tables, as aligned text for a terminal and as Markdown for the README.

#[derive(Clone, Copy)]
pub(crate) enum Format {
    Text,
    Markdown,
}

pub(crate) struct Table {
    headers: Vec<String>,
    rows: Vec<Vec<String>>,
}

impl Table {
    /// The first column is text and stands left, all others are numbers and stand right.
    pub(crate) fn new<H: Into<String>>(headers: impl IntoIterator<Item = H>) -> Self {
        Self { headers: headers.into_iter().map(Into::into).collect(), rows: Vec::new() }
    }

    pub(crate) fn row(&mut self, cells: Vec<String>) {
        assert_eq!(cells.len(), self.headers.len(), "a cell for each column");
        self.rows.push(cells);
    }

    pub(crate) fn render(&self, format: Format) -> String {
        let widths: Vec<usize> = (0..self.headers.len())
            .map(|column| {
                let cells = self.rows.iter().map(|row| &row[column]);
                let widest = cells.chain([&self.headers[column]]);
                widest.map(|cell| cell.chars().count()).max().unwrap_or(0)
            })
            .collect();
        let rule = rule(&widths, format);
        let mut lines = vec![line(&self.headers, &widths, format), rule];
        lines.extend(self.rows.iter().map(|row| line(row, &widths, format)));
        lines.join("\n") + "\n"
    }
}

fn line(cells: &[String], widths: &[usize], format: Format) -> String {
    let padded: Vec<String> = cells
        .iter()
        .zip(widths)
        .enumerate()
        .map(|(column, (cell, &width))| match column {
            0 => format!("{cell:<width$}"),
            _ => format!("{cell:>width$}"),
        })
        .collect();
    match format {
        Format::Text => padded.join("  ").trim_end().to_owned(),
        Format::Markdown => format!("| {} |", padded.join(" | ")),
    }
}

fn rule(widths: &[usize], format: Format) -> String {
    let dashes = widths.iter().enumerate().map(|(column, &width)| match format {
        Format::Markdown if column > 0 => "-".repeat(width + 1) + ":",
        Format::Markdown => "-".repeat(width + 2),
        Format::Text => "-".repeat(width),
    });
    let dashes: Vec<String> = dashes.collect();
    match format {
        Format::Text => dashes.join("  "),
        Format::Markdown => format!("|{}|", dashes.join("|")),
    }
}

#[cfg(test)]
mod tests {
    use super::{Format, Table};

    #[test]
    fn columns_line_up() {
        let mut table = Table::new(["what", "n"]);
        table.row(vec!["a".into(), "1,000".into()]);
        let text = table.render(Format::Text);
        assert_eq!(text, "what      n\n----  -----\na     1,000\n");
        let markdown = table.render(Format::Markdown);
        assert_eq!(markdown, "| what |     n |\n|------|------:|\n| a    | 1,000 |\n");
    }
}

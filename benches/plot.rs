//! A picture of time against number of modules, both in powers of ten.

use std::fmt::Write;

/// A line of the plot.
pub(crate) struct Line {
    pub(crate) name: &'static str,
    /// Number of modules, and milliseconds.
    pub(crate) points: Vec<(f64, f64)>,
}

const WIDTH: f64 = 720.0;
const HEIGHT: f64 = 440.0;
const LEFT: f64 = 70.0;
const RIGHT: f64 = 130.0;
const TOP: f64 = 40.0;
const BOTTOM: f64 = 50.0;
const COLORS: [&str; 6] = ["#0b6e4f", "#c44536", "#33658a", "#8a5a83", "#b8860b", "#555555"];

/// A range of values, as powers of ten, on a stretch of the picture.
struct Axis {
    from: f64,
    to: f64,
    start: f64,
    end: f64,
}

impl Axis {
    fn over(values: impl Iterator<Item = f64> + Clone, start: f64, end: f64) -> Self {
        let from = values.clone().fold(f64::INFINITY, f64::min).log10().floor();
        let to = values.fold(f64::NEG_INFINITY, f64::max).log10().ceil().max(from + 1.0);
        Self { from, to, start, end }
    }

    fn place(&self, value: f64) -> f64 {
        self.start + (value.log10() - self.from) / (self.to - self.from) * (self.end - self.start)
    }

    fn powers(&self) -> impl Iterator<Item = f64> {
        #[allow(clippy::cast_possible_truncation, reason = "whole numbers")]
        let range = self.from as i32..=self.to as i32;
        range.map(|power| 10_f64.powi(power))
    }
}

/// The plot as SVG.
pub(crate) fn svg(title: &str, lines: &[Line]) -> String {
    let points = || lines.iter().flat_map(|line| &line.points);
    let x = Axis::over(points().map(|point| point.0), LEFT, WIDTH - RIGHT);
    let y = Axis::over(points().map(|point| point.1), HEIGHT - BOTTOM, TOP);
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" \
         font-family=\"sans-serif\" font-size=\"12\">\n\
         <rect width=\"100%\" height=\"100%\" fill=\"white\"/>\n\
         <text x=\"{LEFT}\" y=\"22\" font-size=\"15\">{title}</text>\n"
    );
    for value in x.powers() {
        let at = x.place(value);
        let _ = writeln!(
            svg,
            "<path d=\"M{at:.1} {TOP}V{:.1}\" stroke=\"#ddd\"/>\
             <text x=\"{at:.1}\" y=\"{:.1}\" text-anchor=\"middle\">{value}</text>",
            y.start,
            y.start + 18.0
        );
    }
    for value in y.powers() {
        let at = y.place(value);
        let _ = writeln!(
            svg,
            "<path d=\"M{LEFT} {at:.1}H{:.1}\" stroke=\"#ddd\"/>\
             <text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"end\">{value} ms</text>",
            x.end,
            LEFT - 8.0,
            at + 4.0
        );
    }
    let _ = writeln!(
        svg,
        "<text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"middle\">loaded modules</text>",
        f64::midpoint(x.start, x.end),
        HEIGHT - 10.0
    );
    for (line, color) in lines.iter().zip(COLORS.iter().cycle()) {
        svg += &draw(line, color, &x, &y);
    }
    svg + "</svg>\n"
}

fn draw(line: &Line, color: &str, x: &Axis, y: &Axis) -> String {
    let places: Vec<_> =
        line.points.iter().map(|point| (x.place(point.0), y.place(point.1))).collect();
    let path: Vec<_> = places.iter().map(|(x, y)| format!("{x:.1} {y:.1}")).collect();
    let mut svg = format!(
        "<path d=\"M{}\" fill=\"none\" stroke=\"{color}\" stroke-width=\"2\"/>\n",
        path.join("L")
    );
    for (x, y) in &places {
        let _ = writeln!(svg, "<circle cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"3\" fill=\"{color}\"/>");
    }
    if let Some((x, y)) = places.last() {
        let _ = writeln!(
            svg,
            "<text x=\"{:.1}\" y=\"{:.1}\" fill=\"{color}\">{}</text>",
            x + 8.0,
            y + 4.0,
            line.name
        );
    }
    svg
}

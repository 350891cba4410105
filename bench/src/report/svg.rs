//! Charts as inline SVG: lines over linear or logarithmic axes, and a heat map. Pure.
//! Colours are classes, so that the page's style decides them for light and for dark.

use std::fmt::Write;

const WIDTH: f64 = 720.0;
const HEIGHT: f64 = 280.0;
const LEFT: f64 = 64.0;
const RIGHT: f64 = 26.0;
const TOP: f64 = 44.0;
const BOTTOM: f64 = 40.0;
/// Marks of points are drawn only as long as they can be told apart.
const MARKS_MAX: usize = 40;

/// A line and its name.
#[derive(Debug)]
pub(crate) struct Line {
    pub(crate) name: String,
    pub(crate) points: Vec<(f64, f64)>,
}

#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Scale {
    Linear,
    Log,
}

/// What stands at the axes.
#[derive(Debug)]
pub(crate) struct Axes<'a> {
    pub(crate) title: &'a str,
    pub(crate) x: &'a str,
    pub(crate) y: &'a str,
    pub(crate) y_scale: Scale,
    /// Places and names of the ticks of x; else they are chosen.
    pub(crate) x_ticks: Option<Vec<(f64, String)>>,
}

/// From values to places in the picture.
struct Frame {
    x: (f64, f64),
    y: (f64, f64),
    y_scale: Scale,
}

impl Frame {
    fn new(lines: &[Line], y_scale: Scale) -> Self {
        let points = || lines.iter().flat_map(|line| &line.points);
        let bounds = |values: &mut dyn Iterator<Item = f64>| {
            values.fold((f64::MAX, f64::MIN), |(low, high), value| {
                (low.min(value), high.max(value))
            })
        };
        let x = bounds(&mut points().map(|(x, _)| *x));
        let mut y = match y_scale {
            Scale::Linear => (0.0, bounds(&mut points().map(|(_, y)| *y)).1),
            Scale::Log => {
                let above_zero = points().map(|(_, y)| *y).filter(|y| *y > 0.0);
                let (low, high) = bounds(&mut above_zero.into_iter());
                let (low, high) = if low <= high { (low, high) } else { (1.0, 1.0) };
                (
                    10_f64.powf(low.log10().floor()),
                    10_f64.powf(high.log10().ceil()),
                )
            }
        };
        if y_scale == Scale::Linear {
            y.1 = nice(y.1.max(1e-9) * 1.05);
        } else if y.0 >= y.1 {
            y.1 = y.0 * 10.0;
        }
        let x = if x.0 < x.1 { x } else { (x.0, x.0 + 1.0) };
        Self { x, y, y_scale }
    }

    fn place_x(&self, x: f64) -> f64 {
        LEFT + (x - self.x.0) / (self.x.1 - self.x.0) * (WIDTH - LEFT - RIGHT)
    }

    fn place_y(&self, y: f64) -> f64 {
        let part = match self.y_scale {
            Scale::Linear => (y - self.y.0) / (self.y.1 - self.y.0),
            Scale::Log => {
                let (low, high) = (self.y.0.log10(), self.y.1.log10());
                (y.max(self.y.0).log10() - low) / (high - low)
            }
        };
        HEIGHT - BOTTOM - part * (HEIGHT - TOP - BOTTOM)
    }

    fn y_ticks(&self) -> Vec<f64> {
        match self.y_scale {
            Scale::Linear => (0..=4).map(|n| self.y.1 / 4.0 * f64::from(n)).collect(),
            Scale::Log => {
                let mut ticks = Vec::new();
                let mut tick = self.y.0;
                while tick <= self.y.1 * 1.001 {
                    ticks.push(tick);
                    tick *= 10.0;
                }
                ticks
            }
        }
    }
}

/// A chart of lines; empty where there is nothing to draw.
pub(crate) fn lines(axes: &Axes<'_>, lines: &[Line]) -> String {
    let shown = lines.iter().filter(|line| !line.points.is_empty());
    if shown.count() == 0 {
        return String::new();
    }
    let frame = Frame::new(lines, axes.y_scale);
    let mut svg = begin(axes.title);
    draw_grid(&mut svg, axes, &frame);
    for (number, line) in lines.iter().enumerate() {
        draw_line(&mut svg, &frame, number, line);
    }
    draw_legend(&mut svg, lines);
    svg.push_str("</svg>");
    svg
}

fn begin(title: &str) -> String {
    let title = escaped(title);
    format!(
        "<svg viewBox=\"0 0 {WIDTH} {HEIGHT}\" role=\"img\" aria-label=\"{title}\">\
         <text class=\"title\" x=\"{LEFT}\" y=\"16\">{title}</text>"
    )
}

fn draw_grid(svg: &mut String, axes: &Axes<'_>, frame: &Frame) {
    let (right, bottom) = (WIDTH - RIGHT, HEIGHT - BOTTOM);
    for tick in frame.y_ticks() {
        let y = frame.place_y(tick);
        // Writing to a string does not fail.
        let _ = write!(
            svg,
            "<line class=\"grid\" x1=\"{LEFT}\" x2=\"{right}\" y1=\"{y:.1}\" y2=\"{y:.1}\"/>\
             <text class=\"tick end\" x=\"{:.1}\" y=\"{:.1}\">{}</text>",
            LEFT - 6.0,
            y + 4.0,
            short(tick)
        );
    }
    let chosen = || {
        let step = nice((frame.x.1 - frame.x.0) / 8.0);
        let first = (frame.x.0 / step).ceil();
        let tick = |n: i32| (first + f64::from(n)) * step;
        (0..=8).map(tick).map(|x| (x, short(x))).collect()
    };
    for (x, name) in axes.x_ticks.clone().unwrap_or_else(chosen) {
        if x < frame.x.0 || x > frame.x.1 * 1.0001 {
            continue;
        }
        let x = frame.place_x(x);
        let _ = write!(
            svg,
            "<line class=\"grid\" x1=\"{x:.1}\" x2=\"{x:.1}\" y1=\"{TOP}\" y2=\"{bottom}\"/>\
             <text class=\"tick middle\" x=\"{x:.1}\" y=\"{:.1}\">{}</text>",
            bottom + 15.0,
            escaped(&name)
        );
    }
    let _ = write!(
        svg,
        "<text class=\"tick end\" x=\"{right}\" y=\"{:.1}\">{}</text>\
         <text class=\"tick\" x=\"6\" y=\"{:.1}\">{}</text>",
        HEIGHT - 6.0,
        escaped(axes.x),
        TOP - 14.0,
        escaped(axes.y)
    );
}

fn draw_line(svg: &mut String, frame: &Frame, number: usize, line: &Line) {
    let mut path = String::new();
    for (place, (x, y)) in line.points.iter().enumerate() {
        let command = if place == 0 { 'M' } else { 'L' };
        let _ = write!(
            path,
            "{command}{:.1} {:.1}",
            frame.place_x(*x),
            frame.place_y(*y)
        );
    }
    let _ = write!(svg, "<path class=\"line c{}\" d=\"{path}\"/>", number % 6);
    if line.points.len() > MARKS_MAX {
        return;
    }
    for (x, y) in &line.points {
        let _ = write!(
            svg,
            "<circle class=\"dot f{}\" cx=\"{:.1}\" cy=\"{:.1}\" r=\"2.5\"><title>{}: {} at {}</title></circle>",
            number % 6,
            frame.place_x(*x),
            frame.place_y(*y),
            escaped(&line.name),
            short(*y),
            short(*x)
        );
    }
}

fn draw_legend(svg: &mut String, lines: &[Line]) {
    let mut x = WIDTH - RIGHT;
    for (number, line) in lines.iter().enumerate().rev() {
        if line.points.is_empty() {
            continue;
        }
        let width = line.name.chars().count() as f64 * 6.2;
        x -= width;
        let _ = write!(
            svg,
            "<text class=\"tick\" x=\"{x:.1}\" y=\"16\">{}</text>\
             <rect class=\"f{}\" x=\"{:.1}\" y=\"8\" width=\"10\" height=\"10\" rx=\"2\"/>",
            escaped(&line.name),
            number % 6,
            x - 15.0
        );
        x -= 28.0;
    }
}

/// A heat map of latencies: columns are seconds, rows lie a constant factor apart.
pub(crate) fn heat(
    title: &str,
    columns: &[(u64, Vec<(u32, u64)>)],
    row_begin: impl Fn(u32) -> f64,
) -> String {
    let cells = || columns.iter().flat_map(|(_, cells)| cells);
    let Some(most) = cells().map(|(_, count)| *count).max() else {
        return String::new();
    };
    let lowest = cells().map(|(row, _)| *row).min().unwrap_or(0);
    let highest = cells().map(|(row, _)| *row).max().unwrap_or(0);
    let (width, height) = (WIDTH - LEFT - RIGHT, HEIGHT - TOP - BOTTOM);
    let row_height = height / f64::from(highest - lowest + 1);
    let first = columns.first().map_or(0, |(second, _)| *second);
    let last = columns.last().map_or(0, |(second, _)| *second);
    let column_width = width / (last - first + 1) as f64;
    let mut svg = begin(title);
    for (second, cells) in columns {
        for (row, count) in cells {
            let share = (*count as f64).ln_1p() / (most as f64).ln_1p();
            let x = LEFT + (second - first) as f64 * column_width;
            let y = HEIGHT - BOTTOM - f64::from(row - lowest + 1) * row_height;
            let _ = write!(
                svg,
                "<rect class=\"heat\" x=\"{x:.1}\" y=\"{y:.1}\" width=\"{:.1}\" height=\"{:.1}\" \
                 fill-opacity=\"{:.2}\"><title>second {second}, from {} ms: {count}</title></rect>",
                column_width + 0.2,
                row_height + 0.2,
                0.08 + 0.92 * share,
                short(row_begin(*row) / 1000.0)
            );
        }
    }
    let step = ((highest - lowest + 1) / 6).max(1);
    for row in (lowest..=highest + 1).step_by(step as usize) {
        let y = HEIGHT - BOTTOM - f64::from(row - lowest) * row_height;
        let _ = write!(
            svg,
            "<text class=\"tick end\" x=\"{:.1}\" y=\"{:.1}\">{}</text>",
            LEFT - 6.0,
            y + 4.0,
            short(row_begin(row) / 1000.0)
        );
    }
    for part in 0..=6_u32 {
        let x = LEFT + width / 6.0 * f64::from(part);
        let second = first as f64 + (last - first + 1) as f64 / 6.0 * f64::from(part);
        let _ = write!(
            svg,
            "<text class=\"tick middle\" x=\"{x:.1}\" y=\"{:.1}\">{}</text>",
            HEIGHT - BOTTOM + 15.0,
            short(second)
        );
    }
    let _ = write!(
        svg,
        "<text class=\"tick\" x=\"6\" y=\"{:.1}\">ms</text>\
         <text class=\"tick end\" x=\"{}\" y=\"{:.1}\">second</text></svg>",
        TOP - 14.0,
        WIDTH - RIGHT,
        HEIGHT - 6.0
    );
    svg
}

/// The next number that is 1, 2, 2.5, 4, 5 or 8 times a power of ten.
fn nice(value: f64) -> f64 {
    let power = 10_f64.powf(value.log10().floor());
    let mut steps = [1.0, 2.0, 2.5, 4.0, 5.0, 8.0, 10.0].into_iter();
    let step = steps.find(|step| step * power >= value).unwrap_or(10.0);
    step * power
}

/// A number in a few characters.
pub(crate) fn short(value: f64) -> String {
    let trimmed = |text: String| {
        if text.contains('.') {
            text.trim_end_matches('0').trim_end_matches('.').to_owned()
        } else {
            text
        }
    };
    match value.abs() {
        v if v >= 1e9 => trimmed(format!("{:.1}", value / 1e9)) + "G",
        v if v >= 1e6 => trimmed(format!("{:.1}", value / 1e6)) + "M",
        v if v >= 1e4 => trimmed(format!("{:.1}", value / 1e3)) + "k",
        v if v >= 100.0 => format!("{value:.0}"),
        v if v >= 1.0 => trimmed(format!("{value:.1}")),
        v if v > 0.0 => trimmed(format!("{value:.3}")),
        _ => "0".to_owned(),
    }
}

pub(crate) fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn axes(y_scale: Scale) -> Axes<'static> {
        Axes {
            title: "a <title>",
            x: "x",
            y: "y",
            y_scale,
            x_ticks: None,
        }
    }

    #[test]
    fn charts_stay_inside_their_frame() {
        for scale in [Scale::Linear, Scale::Log] {
            let points = (1..50).map(|n| (f64::from(n), f64::from(n * n))).collect();
            let line = Line {
                name: "one".to_owned(),
                points,
            };
            let frame = Frame::new(std::slice::from_ref(&line), scale);
            for (x, y) in &line.points {
                let (x, y) = (frame.place_x(*x), frame.place_y(*y));
                assert!((LEFT..=WIDTH - RIGHT + 0.1).contains(&x), "{x}");
                assert!((TOP - 0.1..=HEIGHT - BOTTOM + 0.1).contains(&y), "{y}");
            }
            let svg = lines(&axes(scale), &[line]);
            assert!(svg.contains("a &lt;title&gt;") && svg.ends_with("</svg>"));
            assert!(!svg.contains("NaN") && !svg.contains("inf"));
        }
    }

    #[test]
    fn what_is_flat_or_empty_is_drawn_too() {
        let flat = Line {
            name: String::new(),
            points: vec![(3.0, 0.0)],
        };
        for scale in [Scale::Linear, Scale::Log] {
            let svg = lines(&axes(scale), std::slice::from_ref(&flat));
            assert!(!svg.contains("NaN") && !svg.contains("inf"), "{svg}");
            assert_eq!(lines(&axes(scale), &[]), "");
        }
        assert_eq!(heat("t", &[], f64::from), "");
        assert!(heat("t", &[(0, vec![(5, 1)])], f64::from).contains("class=\"heat\""));
    }

    #[test]
    fn numbers_are_short() {
        for (value, expected) in [
            (0.0, "0"),
            (0.25, "0.25"),
            (1.0, "1"),
            (12.34, "12.3"),
            (999.6, "1000"),
            (12_345.0, "12.3k"),
            (2e6, "2M"),
        ] {
            assert_eq!(short(value), expected);
        }
        assert_eq!((nice(0.7), nice(3.0), nice(95.0)), (0.8, 4.0, 100.0));
    }
}

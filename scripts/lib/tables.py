"""The results of scripts/compare as text, Markdown and one page of HTML."""
import datetime
import html
import os
import platform
import statistics

NAMES = {"millrace": "Millrace, durable", "kafka": "Apache Kafka 4.3 as shipped", "kafka-sync": "Apache Kafka 4.3, flush.messages=1"}
STYLE = """:root{color-scheme:light dark;--b:#fbfbfa;--t:#1d2327;--s:#66707a;--l:#e3e6e8;--g:#2b8a3e;--r:#c92a2a}
@media(prefers-color-scheme:dark){:root{--b:#15181b;--t:#e6e9eb;--s:#97a1aa;--l:#30373d;--g:#69c67c;--r:#ff7b7b}}
body{background:var(--b);color:var(--t);font:15px/1.5 system-ui,sans-serif;max-width:1400px;margin:0 auto;padding:24px}
table{border-collapse:collapse;width:100%}th,td{padding:6px 10px;border-bottom:1px solid var(--l);text-align:right}
th:first-child,td:first-child,th:nth-child(2),td:nth-child(2){text-align:left}th,p{color:var(--s)}.ok{color:var(--g)}.no{color:var(--r)}"""


def number(value):
    if value != value:
        return "-"
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.1f}" if abs(value) >= 10 else f"{value:.3f}"


def spread(values):
    """The median, and from where to where the runs lie."""
    values = [value for value in values if value is not None]
    if not values:
        return "-"
    middle = number(statistics.median(values))
    return middle if len(values) == 1 else f"{middle} ({number(min(values))}..{number(max(values))})"


def median(values):
    return statistics.median(values) if values else float("nan")


def rows(results, works, kinds):
    """Cells by figure: work, figure, a column for each broker, and how many times better Millrace is, with its bar."""
    head = ["work", "figure", *(NAMES[kind] for kind in kinds)]
    others = [kind for kind in kinds if kind != "millrace" and "millrace" in kinds]
    head += [f"against {NAMES[kind]}" for kind in others]
    cells = [head]
    for name, by_kind in results.items():
        for place, figure in enumerate(works[name].figures):
            values = {kind: by_kind[kind]["figures"][figure.name] for kind in kinds}
            row = [works[name].text if place == 0 else "", figure.name, *(spread(values[kind]) for kind in kinds)]
            row += [verdict(figure, median(values["millrace"]), median(values[kind]), kind) for kind in others]
            cells.append(row)
    return cells


def verdict(figure, own, other, kind):
    times = figure.better(own, other)
    text = "-" if times != times else f"{times:.2f}x"
    bar = figure.bars.get(kind)
    if bar is not None:
        text += f" (bar {bar:g}x: {'met' if times >= bar else 'MISSED'})"
    elif figure.limit is not None:
        text += f" (at most {figure.limit:g}: {'met' if own <= figure.limit else 'MISSED'})"
    return text


def provenance():
    processor = next((line.split(":", 1)[1].strip() for line in open("/proc/cpuinfo") if line.startswith("model name")), "?")
    return (f"{datetime.date.today().isoformat()}, {processor}, {os.cpu_count()} cores, Linux {platform.release()}; "
            "medians, with the lowest and the highest run in brackets")


def text(cells):
    widths = [max(len(row[column]) for row in cells) for column in range(len(cells[0]))]
    return "\n".join("  ".join(cell.ljust(width) for cell, width in zip(row, widths)).rstrip() for row in cells)


def markdown(cells):
    lines = ["| " + " | ".join(row) + " |" for row in cells]
    lines.insert(1, "|" + "---|" * len(cells[0]))
    return "\n".join(lines) + f"\n\n{provenance()}\n"


def page(cells):
    def cell(tag, content):
        shade = "no" if "MISSED" in content else "ok" if "met)" in content else ""
        return f'<{tag} class="{shade}">{html.escape(content)}</{tag}>'
    body = "".join("<tr>" + "".join(cell("td" if number else "th", content) for content in row) + "</tr>" for number, row in enumerate(cells))
    return (f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Millrace against Apache Kafka</title><style>{STYLE}</style></head>'
            f"<body><h1>Millrace against Apache Kafka</h1><p>{html.escape(provenance())}</p><table>{body}</table></body></html>\n")

"""A plot of the checkpoints of scripts/years, as SVG."""

import math

PANELS = [
    ("push_seconds", "seconds a push by URL"), ("push_cpu_seconds", "CPU seconds a push by URL"),
    ("stored_kib_a_push", "KiB stored a push"), ("git_packs", "packfiles of git"),
    ("mount_seconds", "seconds a mount"), ("clone_seconds", "seconds a clone"),
]
WIDTH, HEIGHT, MARGIN = 340, 200, 44
FLOOR = len(PANELS) // 2 * HEIGHT


def write_plot(path, table, beside=None):
    """Draws `table`, and `beside` as a dashed line, over the number of pushes (logarithmic)."""
    panels = [
        panel(name, title, table, beside, index % 2 * WIDTH, index // 2 * HEIGHT)
        for index, (name, title) in enumerate(PANELS)
    ]
    legend = "" if beside is None else (
        f'<text x="{MARGIN}" y="{FLOOR + 14}">solid: with housekeeping; dashed: without</text>')
    path.write_text(
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {2 * WIDTH} {FLOOR + 24}" '
        'font-family="sans-serif" font-size="11">'
        '<style>text{fill:#555}.axis{stroke:#999}.line{stroke:#0969da;fill:none;stroke-width:2}'
        '@media(prefers-color-scheme:dark){text{fill:#bbb}}</style>' + "".join(panels) + legend + "</svg>\n")


def panel(name, title, table, beside, left, top):
    # A run of an earlier version has fewer figures.
    beside = [row for row in beside or [] if name in row] or None
    rows = table + (beside or [])
    largest = max(row[name] for row in rows) * 1.1 or 1
    least, most = (math.log10(choose(row["pushes"] for row in rows)) for choose in (min, max))

    def place(row):
        x = left + MARGIN + (math.log10(row["pushes"]) - least) / ((most - least) or 1) * (WIDTH - MARGIN - 16)
        return x, top + HEIGHT - 24 - row[name] / largest * (HEIGHT - 56)

    def line(rows, dashes):
        points = " ".join("{:.1f},{:.1f}".format(*place(row)) for row in rows)
        return f'<polyline class="line" points="{points}"{dashes}/>'

    floor, right = top + HEIGHT - 24, left + WIDTH - 16
    ticks = "".join(
        f'<text x="{place(row)[0]:.1f}" y="{floor + 14}" text-anchor="middle">{row["pushes"]}</text>' for row in table)
    return (
        f'<text x="{left + MARGIN}" y="{top + 16}" font-weight="bold">{title}</text>'
        f'<path class="axis" d="M{left + MARGIN} {top + 28}V{floor}H{right}" fill="none"/>'
        f'<text x="{left + MARGIN - 4}" y="{top + 36}" text-anchor="end">{largest:.3g}</text>'
        f'<text x="{left + MARGIN - 4}" y="{floor}" text-anchor="end">0</text>' + ticks + line(table, "")
        + ("" if beside is None else line(beside, ' stroke-dasharray="5 4"')))

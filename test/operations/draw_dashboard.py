#!/usr/bin/env python3
"""draw_dashboard.py DASHBOARD ANSWERS PICTURE

Draws the panels of a Grafana dashboard, as SVG, from the answers that Prometheus gave to their expressions (prometheus_dockertest asks
them; SLIPWAY_DASHBOARD_PICTURE=FILE keeps what is drawn). No Grafana takes part: this shows what the expressions answer, not what Grafana
would make of them. Ends with 1 if a panel has nothing to draw. Needs nothing but Python: a library that plots brings Boost along,
of another version than ours.
"""
import json
import re
import sys
from collections import defaultdict
from html import escape

COLUMNS = 4
MOST_NAMED = 8    # series in a legend
MOST_POINTS = 120  # of a line
WIDTH, HEIGHT, GAP, HEAD = 300, 150, 16, 30
INKS = ['#1f77b4', '#ff7f0e', '#2ca02c', '#d62728', '#9467bd', '#8c564b', '#e377c2', '#7f7f7f', '#bcbd22', '#17becf']
SAYS = 'Drawn by test/operations/draw_dashboard.py from the answers of a Prometheus; no Grafana was at hand. Seconds.'

SCALES = {'s': [(1, 's'), (1e-3, 'ms'), (1e-6, 'µs')], 'bytes': [(2**30, 'GiB'), (2**20, 'MiB'), (2**10, 'KiB'), (1, 'B')],
          'Bps': [(2**20, 'MiB/s'), (2**10, 'KiB/s'), (1, 'B/s')], 'percentunit': [(0.01, '%')]}
PER_SECOND = {'cps': '/s', 'ops': '/s', 'reqps': '/s'}


def written(value, unit):
    for size, name in SCALES.get(unit, []):
        if abs(value) >= size or size == SCALES[unit][-1][0]:
            return f'{value / size:.3g} {name}'
    return f'{value:.3g}{PER_SECOND.get(unit, "")}'


def label(pattern, metric):
    return re.sub(r'\{\{(\w+)\}\}', lambda found: metric.get(found[1], ''), pattern).strip()


def series_of(answers):
    for answer in answers:
        for one in answer['result']:
            points = [(float(at), float(value)) for at, value in one['values']]
            points = [(at, value) for at, value in points if value == value]
            if points:
                yield label(answer['legend'], one['metric']), points


def words(x, y, text, size, **more):
    rest = ''.join(f' {key.replace("_", "-")}="{value}"' for key, value in more.items())
    return f'<text x="{x:.1f}" y="{y:.1f}" font-size="{size}"{rest}>{escape(text)}</text>'


def draw_axes(x, y, since, until, top, unit):
    yield f'<rect x="{x}" y="{y}" width="{WIDTH}" height="{HEIGHT}" fill="none" stroke="#999" stroke-width="0.5"/>'
    for part in (0, 0.5, 1):
        level = y + HEIGHT * (1 - part)
        yield f'<path d="M{x} {level}h{WIDTH}" stroke="#ccc" stroke-width="0.5"/>'
        yield words(x + 2, level - 2 if part < 1 else level + 8, written(top * part, unit), 7, fill='#555')
        yield words(x + (WIDTH - 20) * part, y + HEIGHT + 8, f'{(until - since) * part:.0f}', 7, fill='#555')


def draw_lines(x, y, panel, lines, since, until):
    unit = panel['fieldConfig']['defaults']['unit']
    lines.sort(key=lambda line: -max(value for _, value in line[1]))
    top = 1.05 * max(max(value for _, value in points) for _, points in lines) or 1
    yield from draw_axes(x, y, since, until, top, unit)
    for i, (name, points) in enumerate(lines):
        points = points[::-(-len(points) // MOST_POINTS)]
        ink = INKS[i % len(INKS)]
        path = ' '.join(f'{x + WIDTH * (at - since) / ((until - since) or 1):.1f},{y + HEIGHT * (1 - max(value, 0) / top):.1f}'
                        for at, value in points)
        yield f'<polyline points="{path}" fill="none" stroke="{ink}"/>'
        if i < MOST_NAMED and name:
            yield words(x + 50, y + 9 + 8 * i, name[:60], 7, fill=ink)


def draw_stat(x, y, panel, lines):
    unit = panel['fieldConfig']['defaults']['unit']
    yield f'<rect x="{x}" y="{y}" width="{WIDTH}" height="{HEIGHT}" fill="none" stroke="#999" stroke-width="0.5"/>'
    for i, (name, points) in enumerate(lines):
        yield words(x + WIDTH / 2, y + HEIGHT / 2 + 18 * (i - len(lines) / 2 + 0.5), f'{written(points[-1][1], unit)}  {name}', 15,
                    text_anchor='middle')


def draw(panels, answers, empty):
    times = [float(at) for of_panel in answers.values() for one in of_panel for s in one['result'] for at, _ in s['values']]
    width, rows = COLUMNS * (WIDTH + GAP) + GAP, -(-len(panels) // COLUMNS)
    height = HEAD + rows * (HEIGHT + HEAD + GAP)
    yield f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" font-family="sans-serif">'
    yield f'<rect width="{width}" height="{height}" fill="#fff"/>'
    yield words(width / 2, 16, SAYS, 12, text_anchor='middle')
    for i, panel in enumerate(panels):
        x, y = GAP + i % COLUMNS * (WIDTH + GAP), 2 * HEAD + i // COLUMNS * (HEIGHT + HEAD + GAP)
        yield words(x + WIDTH / 2, y - 5, panel['title'], 10, text_anchor='middle')
        lines = list(series_of(answers[panel['id']]))
        if not lines:
            empty.append(panel['title'])
        elif panel['type'] == 'stat':
            yield from draw_stat(x, y, panel, lines)
        else:
            yield from draw_lines(x, y, panel, lines, min(times), max(times))
    yield '</svg>'


def main():
    dashboard_file, answers_file, picture = sys.argv[1:]
    with open(dashboard_file, encoding='utf-8') as text:
        panels = [panel for panel in json.load(text)['panels'] if panel['type'] != 'row']
    answers = defaultdict(list)
    with open(answers_file, encoding='utf-8') as text:
        for answer in json.load(text):
            answers[answer['panel']].append(answer)
    empty = []
    with open(picture, 'w', encoding='utf-8') as out:
        out.writelines(line + '\n' for line in draw(panels, answers, empty))
    for title in empty:
        print(f'nothing to draw: {title}')
    return 1 if empty else 0


if __name__ == '__main__':
    sys.exit(main())

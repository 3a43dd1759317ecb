#!/usr/bin/env python3
"""draw_dashboard.py DASHBOARD ANSWERS PICTURE

Draws the panels of a Grafana dashboard from the answers that Prometheus gave to their expressions (prometheus_dockertest asks
them; SLIPWAY_DASHBOARD_PICTURE=FILE keeps what is drawn). No Grafana takes part: this shows what the expressions answer, not what Grafana
would make of them. Ends with 1 if a panel has nothing to draw.
"""
import json
import re
import sys
from collections import defaultdict

import matplotlib
matplotlib.use('Agg')
from matplotlib import pyplot, ticker

COLUMNS = 4
MOST_NAMED = 8  # series in a legend

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


def draw_lines(axes, panel, lines, since):
    unit = panel['fieldConfig']['defaults']['unit']
    lines.sort(key=lambda line: -max(value for _, value in line[1]))
    for i, (name, points) in enumerate(lines):
        axes.plot([at - since for at, _ in points], [value for _, value in points], linewidth=1,
                  label=name if i < MOST_NAMED else None)
    axes.yaxis.set_major_formatter(ticker.FuncFormatter(lambda value, _: written(value, unit)))
    axes.set_ylim(bottom=0)
    axes.tick_params(labelsize=6)
    axes.grid(alpha=0.3)
    axes.legend(fontsize=5, loc='upper left', framealpha=0.6)


def draw_stat(axes, panel, lines):
    unit = panel['fieldConfig']['defaults']['unit']
    axes.axis('off')
    text = '\n'.join(f'{written(points[-1][1], unit)}  {name}' for name, points in lines)
    axes.text(0.5, 0.5, text, ha='center', va='center', fontsize=13)


def main():
    dashboard_file, answers_file, picture = sys.argv[1:]
    with open(dashboard_file, encoding='utf-8') as text:
        panels = [panel for panel in json.load(text)['panels'] if panel['type'] != 'row']
    answers = defaultdict(list)
    with open(answers_file, encoding='utf-8') as text:
        for answer in json.load(text):
            answers[answer['panel']].append(answer)
    times = [float(at) for of_panel in answers.values() for one in of_panel for s in one['result'] for at, _ in s['values']]
    rows = -(-len(panels) // COLUMNS)
    figure, grid = pyplot.subplots(rows, COLUMNS, figsize=(16, 2.1 * rows), constrained_layout=True)
    empty = []
    for panel, axes in zip(panels, grid.flat):
        axes.set_title(panel['title'], fontsize=8)
        lines = list(series_of(answers[panel['id']]))
        if not lines:
            empty.append(panel['title'])
        elif panel['type'] == 'stat':
            draw_stat(axes, panel, lines)
        else:
            draw_lines(axes, panel, lines, min(times))
    for axes in list(grid.flat)[len(panels):]:
        axes.axis('off')
    figure.suptitle('Drawn by test/operations/draw_dashboard.py from the answers of a Prometheus; no Grafana was at hand. Seconds.', fontsize=9)
    figure.savefig(picture, dpi=64, metadata={'Software': None})
    for title in empty:
        print(f'nothing to draw: {title}')
    return 1 if empty else 0


if __name__ == '__main__':
    sys.exit(main())

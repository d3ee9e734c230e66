"""What a dashboard is made of, and how it becomes Grafana's JSON."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import count
from typing import Final

from grafana_foundation_sdk.builders import common, dashboard, prometheus, timeseries
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models.common import LegendDisplayMode, LegendPlacement
from grafana_foundation_sdk.models.dashboard import DataSourceRef, GridPos

SOURCE: Final = DataSourceRef(type_val="prometheus", uid="prometheus")  # as provisioning names it
COLUMNS, HEIGHT = 24, 7


@dataclass(frozen=True, slots=True)
class Look:
    """One panel: its queries by legend; ``unit`` is one of Grafana's ids."""

    title: str
    unit: str
    help: str
    queries: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Row:
    """Panels side by side."""

    title: str
    looks: tuple[Look, ...]


@dataclass(frozen=True, slots=True)
class Board:
    """One dashboard; ``uid`` is its address in Grafana and its file's name."""

    uid: str
    title: str
    rows: tuple[Row, ...]

    def queries(self) -> Iterator[tuple[str, str]]:
        """Where each stands, and the query."""
        for row in self.rows:
            for look in row.looks:
                for legend, query in look.queries.items():
                    yield f"{self.title}, {row.title}, {look.title}, {legend}", query


def to_json(board: Board) -> str:
    """The file that Grafana reads."""
    made = (
        dashboard.Dashboard(board.title)
        .uid(board.uid)
        .tags(["stream_guard"])
        .readonly()
        .refresh("10s")
        .time("now-1h", "now")
        .timezone("browser")
    )
    y, number = 0, count(1)  # Grafana wants a number per panel
    for row in board.rows:
        head = dashboard.Row(row.title).id(next(number))
        made = made.with_row(head.grid_pos(GridPos(h=1, w=COLUMNS, x=0, y=y)))
        width = COLUMNS // len(row.looks)
        for place, look in enumerate(row.looks):
            position = GridPos(h=HEIGHT, w=width, x=place * width, y=y + 1)
            made = made.with_panel(_panel(look).id(next(number)).grid_pos(position))
        y += HEIGHT + 1
    return JSONEncoder(sort_keys=True, indent=2).encode(made.build()) + "\n"


def _panel(look: Look) -> timeseries.Panel:
    legend = (
        common.VizLegendOptions()
        .show_legend(show_legend=True)
        .display_mode(LegendDisplayMode.LIST)
        .placement(LegendPlacement.BOTTOM)
    )
    panel = timeseries.Panel().title(look.title).description(look.help).unit(look.unit).datasource(SOURCE)
    panel = panel.min(0).fill_opacity(8).legend(legend)
    for place, (name, query) in enumerate(look.queries.items()):
        ask = prometheus.Dataquery().expr(query).legend_format(name).ref_id(chr(ord("A") + place))
        panel = panel.with_target(ask.range().datasource(SOURCE))
    return panel

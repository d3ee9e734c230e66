"""What a dashboard is made of, and how it becomes Grafana's JSON."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import count
from typing import Final

from grafana_foundation_sdk.builders import common, dashboard, prometheus, timeseries
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models.common import LegendDisplayMode, LegendPlacement
from grafana_foundation_sdk.models.dashboard import DashboardLinkType, DataSourceRef, GridPos, VariableOption

SOURCE: Final = DataSourceRef(type_val="prometheus", uid="prometheus")  # as provisioning names it
CONSOLE: Final = "console"  # the variable that holds its address
CONSOLE_URL: Final = "http://127.0.0.1:8080"
COLUMNS, HEIGHT = 24, 7


@dataclass(frozen=True, slots=True)
class Look:
    """One panel: its queries by legend; ``unit`` is one of Grafana's ids.

    ``link``: the console's page about it; Grafana fills in `${__field.labels.<label>}`.
    """

    title: str
    unit: str
    help: str
    queries: Mapping[str, str]
    link: str = ""
    has_exemplars: bool = False  # points for single decisions, each with a link to the console


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
        .with_variable(_console())
        .link(_link("Console", "/").type(DashboardLinkType.LINK).icon("external link"))
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


def _console() -> dashboard.TextBoxVariable:
    """Where links lead: typed in at the top of the dashboard where the console is elsewhere."""
    here = VariableOption(selected=True, text=CONSOLE_URL, value=CONSOLE_URL)
    box = dashboard.TextBoxVariable(CONSOLE).label("Console").description("Where links lead.")
    return box.default_value(CONSOLE_URL).current(here).options([here])


def _link(title: str, path: str) -> dashboard.DashboardLink:
    """A page of the console."""
    return dashboard.DashboardLink(title).url(f"${{{CONSOLE}:raw}}{path}").target_blank(target_blank=True)


def _panel(look: Look) -> timeseries.Panel:
    legend = (
        common.VizLegendOptions()
        .show_legend(show_legend=True)
        .display_mode(LegendDisplayMode.LIST)
        .placement(LegendPlacement.BOTTOM)
    )
    panel = timeseries.Panel().title(look.title).description(look.help).unit(look.unit).datasource(SOURCE)
    panel = panel.min(0).fill_opacity(8).legend(legend)
    if look.link:
        panel = panel.data_links([_link("Show in the console", look.link)])
    for place, (name, query) in enumerate(look.queries.items()):
        ask = prometheus.Dataquery().expr(query).legend_format(name).ref_id(chr(ord("A") + place))
        if look.has_exemplars and place == 0:  # the same points for each query of the panel
            ask = ask.exemplar(exemplar=True)
        panel = panel.with_target(ask.range().datasource(SOURCE))
    return panel

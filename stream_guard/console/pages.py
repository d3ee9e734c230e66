"""The pages: what can be read.  Lists are bounded and say so when they are cut."""

from collections import Counter
from collections.abc import Iterable
from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from stream_guard.console import picture, views
from stream_guard.console.desk import Desk
from stream_guard.console.words import DURATIONS
from stream_guard.decisions.explain import what_holds, without_evidence
from stream_guard.records import LADDER, REASON_CODES, Action, Decision
from stream_guard.sinks.decision_store import Selection

LISTED = 200
NEWEST = 15
FOUND = 20
SAID = 500
MEMBERS = 200


class Pages:
    """Routes that read."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._memory = desk.sources.memory

    def routes(self) -> list[Route]:
        """Path to page."""
        pages = {
            "/": self.overview, "/decisions": self.decisions, "/campaigns": self.campaigns,
            "/campaign": self.campaign, "/campaign/picture.json": self.picture,
            "/campaign/points.json": self.growth, "/account": self.account,
            "/account/holds": self.holds, "/decision": self.decision, "/search": self.search,
            "/exempt": self.exempt, "/audit": self.audit, "/points.json": self.points,
            "/healthz": self.health,
        }  # fmt: skip
        return [Route(path, page, methods=["GET"]) for path, page in pages.items()]

    async def overview(self, request: Request) -> Response:
        """What goes on now."""
        return self._desk.page(request, "overview.html", **overview_parts(self._desk))

    async def decisions(self, request: Request) -> Response:
        """The newest decision of each account, filtered."""
        asked = request.query_params
        action, reason, campaign = asked.get("action", ""), asked.get("reason", ""), asked.get("campaign", "")
        everything = bool(asked.get("all"))
        chosen = Selection(
            action=action if action in LADDER else None,
            campaign_id=campaign or None,
            holding_at=None if everything else self._desk.clock(),
        )
        found = [each for each in self._memory.newest(LISTED * 10, chosen) if _fits(each, reason, everything)]
        context: dict[str, Any] = {
            "decisions": found[:LISTED],
            "is_cut": len(found) > LISTED,
            "everything": everything,
        }
        context |= {"action": action, "reason_code": reason, "campaign_id": campaign}
        context |= {"ladder": LADDER, "codes": REASON_CODES}
        return self._desk.page(request, "decisions.html", **context)

    async def campaigns(self, request: Request) -> Response:
        """Campaigns, the newest change first."""
        everything = bool(request.query_params.get("all"))
        found = [each for each in self._memory.campaigns() if everything or each.status == "active"]
        return self._desk.page(
            request,
            "campaigns.html",
            campaigns=found[:LISTED],
            is_cut=len(found) > LISTED,
            everything=everything,
        )

    async def campaign(self, request: Request) -> Response:
        """One campaign."""
        name = request.query_params.get("id", "")
        campaign = self._memory.campaign(name)
        if campaign is None:
            return self._missing(request, f"no campaign {name!r} is known")
        decided = {member: self._memory.decision(member) for member in campaign.members}
        drawn = picture.picture(campaign, self._memory)
        return self._desk.page(
            request, "campaign.html", campaign=campaign, bars=views.bars(campaign.evidence), picture=drawn,
            members=[(member, decided[member]) for member in campaign.members[:MEMBERS]],
            tally=views.tally(_tally(decided.values())), kind_says=views.KINDS.get(campaign.kind, ""),
        )  # fmt: skip

    async def picture(self, request: Request) -> Response:
        """A campaign's network, for Cytoscape."""
        campaign = self._memory.campaign(request.query_params.get("id", ""))
        if campaign is None:
            return JSONResponse([], 404)
        return JSONResponse(picture.elements(picture.picture(campaign, self._memory), self._memory))

    async def growth(self, request: Request) -> Response:
        """How many of a campaign's accounts had been acted upon, over time."""
        campaign = self._memory.campaign(request.query_params.get("id", ""))
        if campaign is None:
            return JSONResponse({"at": [], "accounts": []}, 404)
        histories = (self._memory.history(member) for member in campaign.members)
        return JSONResponse(views.growth(histories, campaign.founded_at, self._desk.clock()))

    async def account(self, request: Request) -> Response:
        """One account."""
        name = request.query_params.get("id", "").strip()
        if not name:
            return self._missing(request, "which account? Search for it")
        profile = self._memory.profile(name)
        said = [word for word in self._memory.words() if word.subject == name]
        exempt = [word for word in self._desk.exemptions() if word.subject == name]
        context = await self._holding(name) | {"said": said, "exempt": exempt, "durations": DURATIONS}
        context |= {"profile": profile, "themes": views.conduct(profile) if profile is not None else []}
        context |= {"history": self._memory.history(name)}
        spoken = context.pop("said")
        return self._desk.page(request, "account.html", spoken=spoken, **context)

    async def holds(self, request: Request) -> Response:
        """What holds for an account now: the part of its page that follows the stream."""
        name = request.query_params.get("id", "")
        return HTMLResponse(self._desk.part("parts/holds.html", **await self._holding(name)))

    async def decision(self, request: Request) -> Response:
        """One decision by its id: where exemplars in Grafana and lines of the log lead to."""
        name = request.query_params.get("id", "").strip()
        found = await run_in_threadpool(self._memory.decision_by_id, name)
        if found is None:
            return self._missing(
                request, f"no decision {name[:80]!r} is in memory: it is older than what Kafka kept, or wrong"
            )
        newest = self._memory.decision(found.account_id)
        context = self._saying(found.account_id, found)
        context |= {"heading": "What it said", "newest": newest, "is_newest": found == newest}
        return self._desk.page(request, "decision.html", **context)

    async def _holding(self, name: str) -> dict[str, Any]:
        return self._saying(name, await self._decision(name)) | {"heading": "What holds"}

    def _saying(self, name: str, decision: Decision | None) -> dict[str, Any]:
        campaign = self._memory.campaign(decision.campaign_id or "") if decision is not None else None
        return {
            "account_id": name,
            "decision": decision,
            "sentence": what_holds(decision) if decision is not None else "",
            "is_over": decision is not None and (decision.expires_at or 1e18) <= self._desk.clock(),
            "is_newest": True,
            "bars": views.bars(decision.evidence) if decision is not None else [],
            "changes": without_evidence(decision, self._desk.policy) if decision is not None else [],
            "campaign": campaign,
        }

    async def _decision(self, name: str) -> Decision | None:
        """May ask Redis, which may be slow to answer."""
        return await run_in_threadpool(self._desk.sources.decision, name)

    async def search(self, request: Request) -> Response:
        """Accounts, campaigns and indicators by a part of their name."""
        text = request.query_params.get("q", "").strip()
        accounts, campaigns, indicators = self._memory.search(text, FOUND) if text else ([], [], [])
        if text and text not in accounts and await self._decision(text) is not None:
            accounts = [text, *accounts]
        context: dict[str, Any] = {
            "text": text, "accounts": [(name, self._memory.decision(name)) for name in accounts],
            "campaigns": [self._memory.campaign(name) for name in campaigns],
            "indicators": [(name, self._memory.showing(name)) for name in indicators],
            "decision": await run_in_threadpool(self._memory.decision_by_id, text) if text else None,
            "most": FOUND,
        }  # fmt: skip
        if request.headers.get("hx-request") and not request.headers.get("hx-boosted"):
            return HTMLResponse(self._desk.part("parts/found.html", **context))
        return self._desk.page(request, "search.html", **context)

    async def exempt(self, request: Request) -> Response:
        """Who is left alone, and what is in shadow."""
        rules = [rule.name for rule in self._desk.policy.rules]
        return self._desk.page(
            request, "exempt.html", exemptions=self._desk.exemptions(), shadows=self._desk.shadows(),
            durations=DURATIONS, rules=rules, policy=self._desk.policy,
        )  # fmt: skip

    async def audit(self, request: Request) -> Response:
        """What operators said."""
        words = self._memory.words()
        return self._desk.page(request, "audit.html", words=words[:SAID], is_cut=len(words) > SAID)

    async def points(self, _request: Request) -> Response:
        """What the overview's charts begin with."""
        points = list(self._desk.sources.meters.points)
        rate = {"at": [round(at, 1) for at, _ in points], "rate": [round(rate, 2) for _, rate in points]}
        return JSONResponse({"rate": rate, "decisions": views.slots(self._memory.slots())})

    async def health(self, _request: Request) -> Response:
        """Whether the console runs; what it reads from may be away."""
        return PlainTextResponse("ok\n")

    def _missing(self, request: Request, what: str) -> Response:
        return self._desk.page(request, "fault.html", 404, what=what)


def overview_parts(desk: Desk) -> dict[str, Any]:
    """What the overview shows, and what its live parts show again."""
    memory, now = desk.sources.memory, desk.clock()
    holding = memory.holding(now)
    newest = [each for each in memory.newest(NEWEST * 4) if each.action != "allow"][:NEWEST]
    return {
        "reading": desk.sources.meters.reading,
        "tally": views.tally(holding),
        "budget": desk.budget(),
        "reasons": memory.reasons(now).most_common(8),
        "newest": newest,
        "active": [each for each in memory.campaigns() if each.status == "active"],
    }


def _fits(decision: Decision, reason: str, everything: bool) -> bool:  # noqa: FBT001 - one filter among several
    return (not reason or reason in decision.reason_codes) and (everything or decision.action != "allow")


def _tally(decided: Iterable[Decision | None]) -> Counter[tuple[Action, bool]]:
    return Counter((each.action, each.shadow) for each in decided if each is not None)

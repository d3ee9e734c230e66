"""Puts account, manner, conversation and prompt together into an event of the contract.

Lengths fit the prompt: input is system prompt, conversation so far, the prompt's own tokens and
what was pasted beside it; the answer's length is that of a real one, longer or shorter by way of
use; latency follows from both.  What a request does not have is left out, not null.
"""

from dataclasses import dataclass
from typing import Final

from stream_guard.simulator.clients import between
from stream_guard.simulator.draws import Draw
from stream_guard.simulator.prompts import ANSWER_FACTOR, Prompt, classify
from stream_guard.simulator.provider import EMBED
from stream_guard.simulator.world import Account, Event, Manner, Session, World
from stream_guard.sketches.prompt import SKETCH_VERSION

WINDOW: Final = 120_000  # tokens that a conversation may carry along
CACHE_S: Final = 300  # how long the provider keeps a prefix


@dataclass(frozen=True, slots=True)
class Turn:
    """One turn of a conversation, before it is an event."""

    world: World
    draw: Draw
    manner: Manner
    session: Session
    prompt: Prompt

    def event(self, account: Account, at: float) -> Event:
        """The request as the gateway saw it; the session is one turn further."""
        session = self.session
        session.turn += 1
        tier = account.constants["tier"]
        event: Event = {"event_id": self.world.event_ids.opaque("req_", 12), "occurred_at": round(at, 3)}
        event |= account.constants
        event |= self._said()
        self._offer(event)
        event["status"] = self.world.provider.status(self.draw, at, tier, account.asked(at))
        self._count_tokens(event)
        self._describe_prompt(event)
        session.last_at = at
        return event

    def _said(self) -> Event:
        """What the request carries of client, network and conversation."""
        manner, session, address = self.manner, self.session, self.session.address
        said: Event = {
            "model": session.model.name,
            "operation": "embeddings" if session.model is EMBED else manner.operation,
            "surface": manner.surface,
            "max_tokens": manner.max_tokens,
            "temperature": manner.temperature,
            "client_ip": address.ip,
            "asn": address.asn,
            "ip_country": address.country,
            "network_type": address.network_type,
            "user_agent": manner.build.user_agent,
            "tls_fingerprint": manner.build.tls_fingerprint,
            "api_key_id": session.key,
            "end_user_id": session.end_user,
            "stream": manner.stream,
            "conversation_id": session.conversation_id,
            "turn": session.turn,
            "system_prompt_hash": session.system and session.system[0],
        }
        return {key: value for key, value in said.items() if value is not None}

    def _offer(self, event: Event) -> None:
        """What comes with some requests: tools, images, the wish to reason."""
        draw, manner = self.draw, self.manner
        if manner.reasoning_ratio:
            event["reasoning"] = draw.chance(manner.reasoning_ratio)
        if manner.tools and draw.chance(manner.tools_ratio):
            event["tools"] = list(manner.tools)
        if manner.images_ratio and draw.chance(manner.images_ratio):
            event["images"] = 1 + int(draw.rng.expovariate(1.5))

    def _count_tokens(self, event: Event) -> None:
        """Input, output and the rest; a refused request has no answer."""
        session = self.session
        system = session.system[1] if session.system else 0
        known = min(session.history, WINDOW)
        event["input_tokens"] = system + known + self.prompt.tokens + self._pasted()
        is_warm = session.turn > 1 and event["occurred_at"] - session.last_at < CACHE_S
        event["cached_tokens"] = system // 512 * 512 + (known if is_warm else 0)
        if event["status"] >= 400:
            event["latency_ms"] = round(self.draw.about(45.0, 0.5), 1)
            return
        if session.model is EMBED:
            event["output_tokens"] = 0
        else:
            self._answer(event)
            session.history = event["input_tokens"] - system + event["output_tokens"]
        written = event["output_tokens"] + event.get("reasoning_tokens", 0)
        provider = self.world.provider
        event["latency_ms"] = provider.latency_ms(self.draw, session.model, event["input_tokens"], written)

    def _pasted(self) -> int:
        """Tokens of files and documents beside the prompt."""
        draw, manner, clients = self.draw, self.manner, self.world.clients
        is_first = self.session.turn == 1
        if manner.service is not None:
            return max(0, round(between(manner.service.input, draw.rng.random())) - self.prompt.tokens)
        if manner.context == "code" and draw.chance(0.6):
            return draw.pick(clients.code)[0] if is_first else round(draw.about(400, 1.0))
        return draw.pick(clients.chats)[0] // 2 if is_first and draw.chance(0.15) else 0

    def _answer(self, event: Event) -> None:
        draw, manner = self.draw, self.manner
        factor = ANSWER_FACTOR.get(self.prompt.use, 1.0)
        if manner.service is not None:
            length = between(manner.service.output, draw.rng.random())
        else:
            length = draw.pick(self.world.clients.chats)[1] * factor
        event["output_tokens"] = max(1, round(min(length, manner.max_tokens or 16_000)))
        if event.get("reasoning"):
            event["reasoning_tokens"] = round(draw.about(700 * factor, 0.9))
        if "tools" in event:
            event["tool_calls"] = min(6, int(draw.rng.expovariate(1.1)))

    def _describe_prompt(self, event: Event) -> None:
        draw, prompt = self.draw, self.prompt
        templates = self.manner.templates.get(prompt.use) or self.manner.templates.get("")
        if templates:
            event["prompt_template_hash"] = draw.popular(templates, 0.8)
        event["prompt_chars"] = prompt.chars
        event["prompt_language"] = prompt.language
        labels = classify(draw, prompt)
        if labels:
            event["prompt_labels"] = labels
        if draw.chance(self.world.sketch_ratio):
            event["prompt_sketch"] = self.world.prompts.sketch(prompt)
            event["prompt_sketch_version"] = SKETCH_VERSION


def next_prompt(world: World, draw: Draw, manner: Manner, session: Session) -> Prompt:
    """What a conversation asks next: mostly follow-ups of how it began."""
    if session.turn and session.source != "tool" and not manner.interest.rows and draw.chance(0.75):
        return world.prompts.draw(draw, manner.interest, "followup")
    prompt = world.prompts.draw(draw, manner.interest)
    session.source = prompt.source
    return prompt

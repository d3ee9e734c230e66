"""What each field of the published records means, in the words of the schemas' ``description``.

The contract is the source; `schema.py` puts these into the JSON Schemas, and refuses to build one
while a field lacks its meaning.
"""

from typing import Final

REQUEST_EVENT: Final = {
    "event_id": "Unique per request; a repeated id is the same request and counts once.",
    "account_id": "Whom we score and act upon.",
    "occurred_at": "When the request was answered: Unix seconds, or RFC 3339 with an offset.",
    "model": "The requested model.",
    "operation": "OpenTelemetry's gen_ai.operation.name: chat, text_completion, embeddings, ...",
    "surface": "Access pathway: api, console, a cloud marketplace's name, ...",
    "input_tokens": "Input tokens, cached ones included.",
    "output_tokens": "Output tokens, reasoning included.",
    "reasoning_tokens": "Output tokens spent on reasoning.",
    "cached_tokens": "Input tokens read from a cache.",
    "max_tokens": "The request's limit on output tokens.",
    "temperature": "The request's sampling temperature.",
    "latency_ms": "From request to the end of the answer, in milliseconds.",
    "status": "HTTP status that the client got; 429 and 403 included: refused requests are evidence too.",
    "client_ip": "IPv4 or IPv6 address of the client.",
    "asn": "Autonomous system of client_ip; filled in where absent and a table is configured.",
    "ip_country": "ISO 3166-1 alpha-2 code of the country of client_ip.",
    "billing_country": "ISO 3166-1 alpha-2 code of the country that pays.",
    "network_type": "residential, mobile, business, education, hosting, vpn, proxy, relay or tor; "
    "filled in where absent and a table is configured.",
    "user_agent": "User-Agent header of the client.",
    "tls_fingerprint": "JA4, or any stable text.",
    "api_key_id": "Id of the API key; never the key.",
    "org_id": "Organisation that the account belongs to.",
    "end_user_id": "The caller's own end user, from request metadata.",
    "payment_id": "Opaque fingerprint of the payment instrument.",
    "account_created_at": "When the account signed up: Unix seconds, or RFC 3339 with an offset.",
    "tier": "free, credit, pay_as_you_go, enterprise, ...",
    "indicators": "Any further thing accounts may share: device, email_domain, referral, signup_ip, ...",
    "tools": "Names of the tools offered to the model.",
    "tool_calls": "Tool calls in the answer.",
    "images": "Images in the request.",
    "turn": "User messages in the conversation so far.",
    "reasoning": "Whether reasoning was asked for.",
    "stream": "Whether the answer was streamed.",
    "conversation_id": "Conversation, thread or session.",
    "system_prompt_hash": "Hash of the system prompt.",
    "prompt_template_hash": "Hash of the prompt's constant part.",
    "prompt_sketch": "Base64 of 64 int8, where the gateway computed the sketch itself.",
    "prompt_sketch_version": "Which version of the sketch prompt_sketch is.",
    "prompt_chars": "Characters of the prompt.",
    "prompt_language": "BCP 47 tag of the prompt's language.",
    "prompt_labels": "What a classifier said: chain_of_thought, rubric_grading, sensitive_rewrite, ...",
    "prompt": "Raw text of the prompt: reduced to a sketch where it is read, and dropped; "
    "never stored, logged or forwarded.",
}

DECISION: Final = {
    "decision_id": "Deterministic: the same log gives the same id.",
    "account_id": "Whom it concerns.",
    "action": "What holds now, from the mildest to the strongest: allow, throttle, challenge, block.",
    "limit_per_min": "Requests per minute, for throttle; null otherwise.",
    "reason_codes": "Why, strongest first, from a published closed list.",
    "campaign_id": "The campaign it rests on; stable while the campaign lives, through merges.",
    "score": "Higher is more anomalous.",
    "evidence": "What was seen, what honest traffic shows, and how much it counted.",
    "decided_at": "Event time, Unix seconds.",
    "expires_at": "Event time, Unix seconds; null: until revoked.",
    "policy_version": "Version of the policy that decided.",
    "model_version": "Version of the models that the score and evidence come from.",
    "shadow": "True: recorded and counted, not enforced.",
    "trigger": "event_id of the request, or the tick, that caused it.",
}

DECISION_EVIDENCE: Final = {
    "name": "Name of the test or signal.",
    "value": "What was seen.",
    "expected": "What honest traffic shows.",
    "weight": "How much it counted, in nats.",
}

CONTROL: Final = {
    "verb": "What is to be done: revoke a decision, exempt or unexempt, label a decision right or wrong, "
    "announce the release of a model, report a chargeback, switch rules into shadow.",
    "subject": "Account id; for exempt and unexempt also org:<id> or network:<cidr>; for release the model; "
    "for shadow all or rule:<name>.",
    "spoken_at": "When it was said: Unix seconds, or RFC 3339 with an offset.",
    "author": "Who said it.",
    "value": "For label: right or wrong; for shadow: on or off.",
    "expires_at": "When it ends: Unix seconds, or RFC 3339 with an offset; null: never.",
    "note": "Why, in the author's words.",
}

CAMPAIGN: Final = {
    "campaign_id": "Stable while the campaign lives; of two that merge the older id stays.",
    "kind": "distillation, resale, region_evasion or unknown.",
    "status": "active; ended after a long silence; merged into another.",
    "founded_at": "Event time, Unix seconds.",
    "changed_at": "Event time, Unix seconds, of the last change.",
    "members": "Account ids.",
    "indicators": "Pairs: indicator, and how many members show it.",
    "evidence": "Arrays: name, value seen, value expected, weight in nats, cause, family, is it cold.",
    "harvested": "Answered exchanges of its members so far.",
    "merged_into": "The campaign that it became part of.",
    "timeline": "Pairs: event time in Unix seconds, and what happened.",
    "links": "Of each of the first indicators: places in members (from 0) of those that show it.",
}

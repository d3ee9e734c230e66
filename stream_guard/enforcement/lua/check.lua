#!lua name=stream_guard_v1
-- Units: tat Unix us; limit requests per minute; expires_at Unix s; retry_ms, reset_ms, ends_ms ms from now; age_ms ms.
--
-- May this account's request pass, now?  Decision and rate limit (GCRA) in one call, hence exact under
-- any number of racing gateways.  The server's clock is the only clock.
--
-- KEYS[1] sg:v1:decision:{<account_id>}  a hash, written by the projection, only read here:
--           check    what the decision comes to, in one piece (sinks/redis_keys.py)
--           interim  the same of an operator's word that no decision has taken up yet
-- KEYS[2] sg:v1:rate:{<account_id>}      the theoretical arrival time (tat) of the next request
-- ARGV[1] cost: how many requests this one counts for; 0: only look
--
-- Returns nil where nothing holds (no decision, allow, or one that has ended), else
--   {action, allowed 0|1, shadow 0|1, limit, remaining, retry_ms, reset_ms, ends_ms (-1: until revoked), age_ms, reference}
-- An interim that frees the account is such an answer, too, with the action allow: it has an end.
--
-- GCRA: a quarter of the limit may come at once (burst), the rest evenly, with the gap chosen so that
-- no 60 s ever see more than `limit` requests: burst + floor(60 s / gap) <= limit.

local US = 1000000
local BURST = 4 -- a person's client sends a few requests at once; a quarter of the limit lets it
local PIECE = '^(%a+) ([01]) (%d+) (%S+) (%-?%d+) (.*)$' -- action, shadow, limit, expires_at or -, decided_ms, reference
local RANK = { allow = 0, throttle = 1, challenge = 2, block = 3 }

local function spend(key, limit, cost, now_us)
  local burst = math.ceil(limit / BURST)
  local gap = 60 * US / (limit - burst + 1)
  cost = math.min(cost, burst)
  local tat = math.max(tonumber(redis.call('GET', key) or 0), now_us)
  local after = tat + cost * gap
  local allowed = after - burst * gap <= now_us
  if allowed and cost > 0 then
    redis.call('SET', key, string.format('%.0f', after), 'PX', string.format('%.0f', math.ceil((after - now_us) / 1000)))
    tat = after
  end
  local remaining = math.max(0, math.floor((burst * gap - (tat - now_us)) / gap + 1e-6))
  local retry_us = allowed and 0 or after - burst * gap - now_us
  return allowed, remaining, retry_us, tat - now_us
end

-- How long a piece still holds, in ms; -1: until revoked, 0: it does not.
local function lasts(expires_at, now_us)
  if expires_at == '-' then
    return -1
  end
  return math.max(0, math.ceil((tonumber(expires_at) * US - now_us) / 1000))
end

-- The piece that counts: an interim that frees the account, else the stronger one, else the decision.
local function choose(piece, interim, now_us)
  local action, _, _, expires_at = string.match(interim, PIECE)
  if not action or lasts(expires_at, now_us) == 0 then
    return piece
  end
  local held, shadow, _, held_until = string.match(piece or '', PIECE)
  local stands = held and shadow == '0' and lasts(held_until, now_us) ~= 0
  if stands and action ~= 'allow' and RANK[held] >= RANK[action] then
    return piece
  end
  return interim
end

local function check(keys, args)
  local found = redis.call('HMGET', keys[1], 'check', 'interim')
  local piece, interim = found[1], found[2]
  if not piece and not interim then
    return nil
  end
  local time = redis.call('TIME')
  local now_us = tonumber(time[1]) * US + tonumber(time[2])
  if interim then
    piece = choose(piece, interim, now_us)
  end
  local action, shade, quota, expires_at, decided_ms, reference = string.match(piece or '', PIECE)
  if not action or (action == 'allow' and piece ~= interim) then
    return nil
  end
  local ends_ms = lasts(expires_at, now_us)
  if ends_ms == 0 then
    return nil
  end
  local shadow = shade == '1'
  local limit, allowed, remaining, retry_us, reset_us = tonumber(quota), shadow or action == 'allow', 0, 0, 0
  if action == 'throttle' and limit > 0 and not shadow then
    allowed, remaining, retry_us, reset_us = spend(keys[2], limit, tonumber(args[1]) or 1, now_us)
  end
  return {
    action, allowed and 1 or 0, shadow and 1 or 0, limit, remaining, math.ceil(retry_us / 1000),
    math.ceil(reset_us / 1000), ends_ms, math.floor(now_us / 1000) - tonumber(decided_ms), reference,
  }
end

redis.register_function{ function_name = 'sg_check_v1', callback = check, flags = { 'allow-oom' } }

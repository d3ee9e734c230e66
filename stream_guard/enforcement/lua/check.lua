#!lua name=stream_guard_v2
-- Units: gap, left, after, retry_ms, reset_ms, ends_ms, age_ms milliseconds; limit requests per minute; expires_at Unix s.
--
-- May this account's request pass, now?  Decision and rate limit (GCRA) in one call, hence exact under
-- any number of racing gateways.  The server's clock is the only clock.
--
-- KEYS[1] sg:v1:decision:{<account_id>}  a hash, written by the projection, only read here:
--           check    what the decision comes to, in one piece (sinks/redis_keys.py); '+' before it: look at interim, too
--           interim  the same of an operator's word that no decision has taken up yet
-- KEYS[2] sg:v1:rate:{<account_id>}      lives as long as the limit takes to be whole again; its value means nothing
-- ARGV[1] cost: how many requests this one counts for; 0: only look
--
-- sg_check_v2, for who knows the server's clock (copy.py): nil where no decision holds; else the piece, which may
--   have ended; of a throttle {piece, spent, burst, gap}.  spent: ms until the limit is whole again, where the
--   request passes; -1 minus that, where it does not.
-- sg_spend_v2 (KEYS[1] the rate's, ARGV cost, burst, gap), for who remembers a throttle's terms: spent.
-- sg_answer_v2, for who knows nothing: nil where nothing holds, else
--   {action, allowed 0|1, shadow 0|1, limit, remaining, retry_ms, reset_ms, ends_ms (-1: until revoked), age_ms, reference}
-- An interim that frees the account is such an answer, too, with the action allow: it has an end.
--
-- What a call costs is mostly what it hands over: hence one field, few numbers, and no clock where none is needed.

local MINUTE = 60000
local BURST = 4 -- a person's client sends a few requests at once; a quarter of the limit lets it
local PIECE = '^(%a+) ([01]) (%d+) (%S+) (%-?%d+) (.*)$' -- action, shadow, limit, expires_at or -, decided_ms, reference
local RANK = { allow = 0, throttle = 1, challenge = 2, block = 3 }
local WORD, ALLOW, THROTTLE = 43, 97, 116 -- '+', 'a', 't': first byte of a piece

-- A quarter may come at once, the rest evenly, in whole ms, such that no 60 s ever see more than `limit`
-- requests: burst + floor(60 s / gap) <= limit.  What rounding the gap up takes, the burst gets.
local function terms(limit)
  local evenly = limit - math.ceil(limit / BURST)
  local gap = math.floor(MINUTE / (evenly + 1)) + 1
  return limit - math.floor(MINUTE / gap), gap
end

local function spend(key, cost, burst, gap)
  if burst < 1 then
    return -1 - MINUTE
  end
  cost = math.min(cost, burst)
  local left = math.max(0, redis.call('PTTL', key))
  local after = left + cost * gap
  if after > burst * gap then
    return -1 - left
  end
  if cost > 0 then
    redis.call('SET', key, '0', 'PX', string.format('%d', after))
  end
  return after
end

local function now_ms()
  local time = redis.call('TIME')
  return time[1] * 1000 + math.floor(time[2] / 1000)
end

-- How long a piece still holds, in ms; -1: until revoked, 0: it does not.
local function lasts(expires_at, now)
  return expires_at == '-' and -1 or math.max(0, math.ceil(expires_at * 1000 - now))
end

-- The piece that counts: an interim that frees the account, else the stronger one, else the decision.
local function choose(piece, interim, now)
  local action, _, _, expires_at = string.match(interim, PIECE)
  if not action or lasts(expires_at, now) == 0 then
    return piece
  end
  local held, shadow, _, held_until = string.match(piece, PIECE)
  local stands = held and shadow == '0' and lasts(held_until, now) ~= 0
  if stands and action ~= 'allow' and RANK[held] >= RANK[action] then
    return piece
  end
  return interim
end

-- The piece that holds, perhaps one that has ended, and its first byte; nil: there is none.
local function piece_of(key)
  local piece = redis.call('HGET', key, 'check')
  if not piece then
    return nil
  end
  local first = string.byte(piece)
  if first == WORD then
    local alone, interim = string.sub(piece, 2), redis.call('HGET', key, 'interim') or ''
    piece = choose(alone, interim, now_ms())
    first = string.byte(piece)
    return (first ~= ALLOW or piece == interim) and first and piece, first
  end
  return first ~= ALLOW and piece, first
end

local function check(keys, args)
  local piece, first = piece_of(keys[1])
  local limit = first == THROTTLE and string.match(piece, '^throttle 0 (%d+)')
  if not limit then
    return piece
  end
  local burst, gap = terms(tonumber(limit))
  return { piece, spend(keys[2], tonumber(args[1]), burst, gap), burst, gap }
end

local function spend_known(keys, args)
  return spend(keys[1], tonumber(args[1]), tonumber(args[2]), tonumber(args[3]))
end

local function answer(keys, args)
  local piece, now = piece_of(keys[1]), now_ms()
  local action, shade, quota, expires_at, decided_ms, reference = string.match(piece or '', PIECE)
  local ends_ms = action and lasts(expires_at, now) or 0
  if ends_ms == 0 then
    return nil
  end
  local shadow, limit = shade == '1', tonumber(quota)
  local allowed, remaining, retry_ms, reset_ms = shadow or action == 'allow', 0, 0, 0
  if action == 'throttle' and not shadow then
    local burst, gap = terms(limit)
    local spent, cost = spend(keys[2], tonumber(args[1]), burst, gap), math.min(tonumber(args[1]), burst)
    allowed = spent >= 0
    reset_ms = allowed and spent or -1 - spent
    remaining = math.max(0, burst - math.ceil(reset_ms / gap))
    retry_ms = allowed and 0 or reset_ms + (cost - burst) * gap
  end
  return {
    action, allowed and 1 or 0, shadow and 1 or 0, limit, remaining, retry_ms, reset_ms, ends_ms,
    now - tonumber(decided_ms), reference,
  }
end

local FLAGS = { 'allow-oom' }
redis.register_function{ function_name = 'sg_check_v2', callback = check, flags = FLAGS }
redis.register_function{ function_name = 'sg_spend_v2', callback = spend_known, flags = FLAGS }
redis.register_function{ function_name = 'sg_answer_v2', callback = answer, flags = FLAGS }

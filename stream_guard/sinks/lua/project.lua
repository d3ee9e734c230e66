-- Units: decided_ms Unix ms of event time; expires_at Unix s, '' = until revoked; keep_*_s seconds; limit requests per minute.
--
-- Writes up to some hundred decisions at once; per account the newest version (decided_ms, sequence) wins.
--
-- KEYS[i]            sg:v1:decision:{<account_id>}
-- ARGV[1]            keep_expired_s: how long a decision stays readable after it expired
-- ARGV[2]            keep_allow_s: how long an allow stays, so that no older block pushed late comes back
-- ARGV[3 + 8(i-1)..] decided_ms, sequence, action, limit, expires_at, shadow, decision (JSON), check (redis_keys.py)
--
-- A decision made at or after an operator's word has heard it: the word's interim (interim.lua) goes.
-- While there is one, check begins with '+'.
--
-- A key never lives shorter than an earlier version of it would have: while the older one could be
-- pushed again, the newer one is there to win.  Returns {written, older, expired before they came}.

local now_s = tonumber(redis.call('TIME')[1])
local keep_expired_s, keep_allow_s = tonumber(ARGV[1]), tonumber(ARGV[2])
local written, older, expired = 0, 0, 0

for i, key in ipairs(KEYS) do
  local at = 3 + 8 * (i - 1)
  local decided_ms, sequence = tonumber(ARGV[at]), tonumber(ARGV[at + 1])
  local action, expires_at = ARGV[at + 2], ARGV[at + 4]
  local known = redis.call('HMGET', key, 'decided_ms', 'sequence', 'interim_ms')
  local known_ms, known_sequence = tonumber(known[1] or -1), tonumber(known[2] or -1)

  if known_ms > decided_ms or (known_ms == decided_ms and known_sequence > sequence) then
    older = older + 1
  else
    local until_s = -1 -- Unix s at which the key goes; -1: never
    if action == 'allow' then
      until_s = now_s + keep_allow_s
    elseif expires_at ~= '' then
      until_s = math.ceil(tonumber(expires_at)) + keep_expired_s
    end
    if until_s >= 0 and until_s <= now_s and not known[1] then
      expired = expired + 1
    else
      local lived_until_s = redis.call('EXPIRETIME', key) -- -1: for ever, -2: no such key
      local has_heard = decided_ms >= tonumber(known[3] or -1)
      redis.call('HSET', key, 'decided_ms', ARGV[at], 'sequence', ARGV[at + 1], 'action', action,
        'limit', ARGV[at + 3], 'expires_at', expires_at, 'shadow', ARGV[at + 5], 'decision', ARGV[at + 6],
        'check', (has_heard and '' or '+') .. ARGV[at + 7])
      if known[3] and has_heard then
        redis.call('HDEL', key, 'interim', 'interim_ms', 'interim_sequence')
      end
      if until_s < 0 or lived_until_s == -1 then
        redis.call('PERSIST', key)
      else
        redis.call('EXPIREAT', key, string.format('%d', math.max(until_s, lived_until_s, now_s + 1)))
      end
      written = written + 1
    end
  end
end

return {written, older, expired}

-- Units: at_ms Unix ms of event time; until_s Unix s.
--
-- Says what operators' words come to until DECISIONS has heard them.  Beside a decision, never over
-- it: what stands is there again when the interim is over.  Per account the newest word wins, and any decision
-- made at or after the word (it has heard it) wins over the word, whichever comes first.
--
-- KEYS[i]            sg:v1:decision:{<account_id>}
-- ARGV[1 + 4(i-1)..] at_ms, sequence (place in the control topic), until_s, check ('': an earlier one is over)
--
-- Returns {written, older than what is known, over before they came}.

local now_s = tonumber(redis.call('TIME')[1])
local written, older, expired = 0, 0, 0

for i, key in ipairs(KEYS) do
  local at = 1 + 4 * (i - 1)
  local at_ms, sequence, until_s = tonumber(ARGV[at]), tonumber(ARGV[at + 1]), math.ceil(tonumber(ARGV[at + 2]))
  local known = redis.call('HMGET', key, 'decided_ms', 'interim_ms', 'interim_sequence', 'check')
  local known_ms, known_sequence = tonumber(known[2] or -1), tonumber(known[3] or -1)

  if until_s <= now_s then
    expired = expired + 1
  elseif tonumber(known[1] or -1) >= at_ms or known_ms > at_ms
    or (known_ms == at_ms and known_sequence > sequence) then
    older = older + 1
  else
    local lives_until_s = redis.call('EXPIRETIME', key) -- -1: for ever, -2: no such key
    redis.call('HSET', key, 'interim_ms', ARGV[at], 'interim_sequence', ARGV[at + 1], 'interim', ARGV[at + 3],
      'check', '+' .. string.gsub(known[4] or '', '^%+', '')) -- '+': look at interim, too (enforcement/lua/check.lua)
    if lives_until_s ~= -1 and lives_until_s < until_s then
      redis.call('EXPIREAT', key, string.format('%d', until_s))
    end
    written = written + 1
  end
end

return {written, older, expired}

-- Asks stream_guard before nginx forwards a request: one call of the Redis Function, block and limit together.
--
-- Needs lua-nginx-module, lua-resty-redis and lua-cjson (Debian: libnginx-mod-http-lua lua-nginx-redis
-- lua-cjson).  nginx.conf beside this file shows how it is used:
--
--   init_by_lua_block   { guard = require("stream_guard").new{ host = "127.0.0.1", library = "/etc/nginx/check.lua" } }
--   access_by_lua_block { guard:check(ngx.var.account) }
--
-- Units: deadline_ms, retry_ms, reset_ms, ends_ms milliseconds; limit requests per minute.
-- A Redis that does not answer in time fails open or closed, as configured, with a line in the error log
-- and `x-stream-guard: fail_open` (or fail_closed) in $guard_source for the access log.

local cjson = require("cjson.safe")
local has_resty, redis = pcall(require, "resty.redis")
if not has_resty then
  redis = require("nginx.redis") -- as Debian packs it
end

local FUNCTION = "sg_answer_v2"
local TYPE_BASE = "https://github.com/stream-guard/stream-guard/blob/main/docs/gateways.md#"
local CHALLENGE_RETRY_S = 60
local WORDS = {
  throttle = { 429, "Too many requests", "This account is limited to %d requests per minute." },
  challenge = { 429, "Verification needed", "This account must be verified before it can go on." },
  block = { 403, "Access denied", "This account is blocked." },
  allow = { 503, "Temporarily unavailable", "This request could not be checked. Try again." },
}

local Guard = {}
Guard.__index = Guard

-- options: host, port, path (of a Unix socket), username, password, tls, db, deadline_ms, pool, on_failure
-- ("open", "closed"), library (path of check.lua, taught to a server that does not know the function), help_url
function Guard.new(options)
  local self = setmetatable({}, Guard)
  for name, default in pairs({
    host = "127.0.0.1", port = 6379, deadline_ms = 50, pool = 64, on_failure = "open", db = 0,
  }) do
    self[name] = options[name] or default
  end
  for _, name in ipairs({ "path", "username", "password", "tls", "help_url" }) do
    self[name] = options[name]
  end
  local file = assert(io.open(assert(options.library, "library: expected the path of check.lua"), "rb"))
  self.source = file:read("*a")
  file:close()
  return self
end

function Guard:connect()
  local client = redis:new()
  client:set_timeout(self.deadline_ms)
  local pool = { pool = string.format("%s:%s/%d", self.path or self.host, self.port, self.db), ssl = self.tls }
  local ok, err
  if self.path then
    ok, err = client:connect("unix:" .. self.path, pool)
  else
    ok, err = client:connect(self.host, self.port, pool)
  end
  if not ok then
    return nil, err
  end
  if client:get_reused_times() == 0 then
    if self.password then
      ok, err = client:auth(self.username or "default", self.password)
    end
    if ok and self.db ~= 0 then
      ok, err = client:select(self.db)
    end
    if not ok then
      return nil, err
    end
  end
  return client
end

-- The function's reply; nil and why if there is none.
function Guard:ask(account)
  local client, err = self:connect()
  if not client then
    return nil, err
  end
  if account:find("^[}\\]") then
    account = "\\" .. account -- as in enforcement/keys.py: what a Cluster hashes must not be empty
  end
  local keys = { "sg:v1:decision:{" .. account .. "}", "sg:v1:rate:{" .. account .. "}" }
  local reply
  reply, err = client:fcall(FUNCTION, 2, keys[1], keys[2], 1)
  if not reply and err and err:find("Function not found", 1, true) then
    client["function"](client, "LOAD", "REPLACE", self.source)
    reply, err = client:fcall(FUNCTION, 2, keys[1], keys[2], 1)
  end
  if reply == nil or reply == false then
    client:close()
    return nil, err
  end
  client:set_keepalive(10000, self.pool)
  return reply
end

local function whole(seconds)
  return tostring(math.max(0, math.ceil(seconds)))
end

-- Header fields of the answer: Retry-After (RFC 9110), RateLimit (draft-ietf-httpapi-ratelimit-headers-10).
local function tell_limits(found)
  local header = ngx.header
  if found.action == "throttle" then
    if not found.allowed then
      header["Retry-After"] = whole(found.retry_ms / 1000)
    end
    header["RateLimit-Policy"] = string.format('"throttle";q=%d;w=60', found.limit)
    header["RateLimit"] = string.format('"throttle";r=%d;t=%s', found.remaining, whole(found.reset_ms / 1000))
  elseif found.action == "challenge" then
    local wait = found.ends_ms < 0 and CHALLENGE_RETRY_S or found.ends_ms / 1000
    header["Retry-After"] = whole(wait)
    header["RateLimit-Policy"] = '"challenge";q=0;w=60'
    header["RateLimit"] = '"challenge";r=0;t=' .. whole(wait)
  elseif found.action == "allow" then
    header["Retry-After"] = "1"
  end
end

function Guard:refuse(found)
  local status, title, detail = unpack(WORDS[found.action])
  tell_limits(found)
  ngx.status = status
  ngx.header["Content-Type"] = "application/problem+json"
  ngx.header["Cache-Control"] = "no-store"
  ngx.print(cjson.encode({
    type = TYPE_BASE .. (found.action == "allow" and "unavailable" or found.action),
    title = title,
    status = status,
    detail = detail:format(found.limit),
    reference = found.reference ~= "" and found.reference or nil,
    help = self.help_url,
  }))
  ngx.exit(status)
end

-- May this request pass?  Ends it if it may not.
function Guard:check(account)
  if not account or account == "" then
    return
  end
  local reply, err = self:ask(account)
  if reply == nil then
    local is_open = self.on_failure ~= "closed"
    ngx.ctx.guard_source = is_open and "fail_open" or "fail_closed"
    ngx.log(ngx.ERR, "stream_guard: ", ngx.ctx.guard_source, ": ", err)
    if is_open then
      return
    end
    return self:refuse({ action = "allow", limit = 0, reference = "" })
  end
  ngx.ctx.guard_source = "redis"
  if reply == ngx.null then
    return
  end
  local action, allowed, shadow, limit, remaining, retry_ms, reset_ms, ends_ms, _, reference = unpack(reply)
  local found = {
    action = action, allowed = allowed == 1, limit = limit, remaining = remaining,
    retry_ms = retry_ms, reset_ms = reset_ms, ends_ms = ends_ms, reference = reference,
  }
  if not found.allowed then
    return self:refuse(found)
  elseif action == "throttle" and shadow == 0 then
    tell_limits(found)
  end
end

-- What the request's body says, for the access log: model, max_tokens, stream; nothing of the prompt.
-- Only bodies that fit client_body_buffer_size are looked at.
function Guard.read_body()
  ngx.req.read_body()
  local body = ngx.req.get_body_data()
  local tree = body and cjson.decode(body)
  if type(tree) ~= "table" then
    return
  end
  ngx.var.guard_model = type(tree.model) == "string" and tree.model:sub(1, 256) or ""
  ngx.var.guard_max_tokens = type(tree.max_tokens) == "number" and string.format("%d", tree.max_tokens) or "null"
  ngx.var.guard_stream = type(tree.stream) == "boolean" and tostring(tree.stream) or "null"
end

return { new = Guard.new, read_body = Guard.read_body }

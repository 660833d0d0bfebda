package store

import "github.com/redis/go-redis/v9"

// The scripts take our clock as an argument: whether a record is live is decided by it, as on read. Each touches the keys of one slot.
// They answer 0 done, 1 conflict, 2 absent, 3 not a record of this store.

// luaLive defines live(): the version of the record at KEYS[1], false when there is none or its time is up, nil when it is foreign.
const luaLive = `
local function live(key, now)
  local head = redis.call('GETRANGE', key, 0, 31)
  if #head == 0 then return false end
  local expiry = tonumber(string.sub(head, 17, 32))
  if #head < 32 or not expiry then return nil end
  if expiry ~= 0 and expiry <= tonumber(now) then return false end
  return string.sub(head, 1, 16)
end
local function refuses(want, cur)
  if want == 'any' then return 0 end
  if want == 'absent' then return cur and 1 or 0 end
  if not cur then return 2 end
  if want == 'present' or want == cur then return 0 end
  return 1
end
local cur = live(KEYS[1], ARGV[2])
if cur == nil then return 3 end
local refusal = refuses(ARGV[1], cur)
if refusal ~= 0 then return refusal end
`

// scriptPut: KEYS record; ARGV condition, now, channel, message, value, ttl in ms (0 = none).
var scriptPut = redis.NewScript(luaLive + `
if tonumber(ARGV[6]) > 0 then
  redis.call('SET', KEYS[1], ARGV[5], 'PX', ARGV[6])
else
  redis.call('SET', KEYS[1], ARGV[5])
end
redis.call('PUBLISH', ARGV[3], ARGV[4])
return 0
`)

// scriptDelete: KEYS record; ARGV condition, now, channel, message.
var scriptDelete = redis.NewScript(luaLive + `
redis.call('DEL', KEYS[1])
redis.call('PUBLISH', ARGV[3], ARGV[4])
return 0
`)

// Jobs of one kind live in these keys, all in one slot:
//
//	due     sorted set: id by when it can be claimed next (its time, a later try, or the end of its lease)
//	at, payload, tries, fence, again, parked  hashes by id; fence only while claimed, again only when replaced while claimed
//	seq     the last fence; begins at the time, so that it still grows when the server lost everything
const luaJobKeys = `
local due, at, payload, tries, fence, again, parked, seq =
  KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5], KEYS[6], KEYS[7], KEYS[8]
local function forget(id)
  redis.call('ZREM', due, id)
  for i = 2, 7 do redis.call('HDEL', KEYS[i], id) end
end
local function park(id, text)
  redis.call('ZREM', due, id)
  redis.call('HSET', parked, id, text)
  for _, h in ipairs({payload, fence, again}) do redis.call('HDEL', h, id) end
end
`

// scriptAdd: ARGV id, at, payload, now, channel, message.
var scriptAdd = redis.NewScript(luaJobKeys + `
local id = ARGV[1]
local ends = redis.call('ZSCORE', due, id)
local held = ends and redis.call('HEXISTS', fence, id) == 1 and tonumber(ends) > tonumber(ARGV[4])
redis.call('HSET', at, id, ARGV[2])
redis.call('HSET', payload, id, ARGV[3])
redis.call('HDEL', parked, id)
redis.call('HDEL', tries, id)
if held then
  redis.call('HSET', again, id, '1')
else
  redis.call('HDEL', fence, id)
  redis.call('HDEL', again, id)
  redis.call('ZADD', due, ARGV[2], id)
end
redis.call('PUBLISH', ARGV[5], ARGV[6])
return 0
`)

// scriptClaim: ARGV now, end of lease, most tries, and what parked is to say. Answers id, fence, tries, at, payload; or nothing.
var scriptClaim = redis.NewScript(luaJobKeys + `
for _ = 1, 1000 do
  local first = redis.call('ZRANGEBYSCORE', due, '-inf', ARGV[1], 'LIMIT', 0, 1)
  local id = first[1]
  if not id then return {} end
  if redis.call('HDEL', again, id) == 1 then redis.call('HDEL', tries, id) end
  local n = tonumber(redis.call('HGET', tries, id) or '0')
  if n >= tonumber(ARGV[3]) then
    park(id, ARGV[4])
  else
    redis.call('SET', seq, ARGV[1], 'NX')
    local mine = redis.call('INCR', seq)
    redis.call('HSET', fence, id, mine)
    redis.call('ZADD', due, ARGV[2], id)
    n = redis.call('HINCRBY', tries, id, 1)
    return {id, mine, n, redis.call('HGET', at, id), redis.call('HGET', payload, id)}
  end
end
return {}
`)

// scriptSettle: ARGV id, fence, verdict, until, most tries, and what parked is to say.
var scriptSettle = redis.NewScript(luaJobKeys + `
local id, verb = ARGV[1], ARGV[3]
if redis.call('HGET', fence, id) ~= ARGV[2] then return 1 end
if verb == 'renew' then
  redis.call('ZADD', due, ARGV[4], id)
  return 0
end
redis.call('HDEL', fence, id)
if redis.call('HDEL', again, id) == 1 then
  redis.call('HDEL', tries, id)
  redis.call('ZADD', due, redis.call('HGET', at, id), id)
  return 0
end
if verb == 'done' then
  forget(id)
  return 0
end
if verb == 'retry' and tonumber(redis.call('HGET', tries, id) or '0') >= tonumber(ARGV[5]) then
  park(id, ARGV[6])
  return 0
end
if verb == 'defer' then redis.call('HINCRBY', tries, id, -1) end
redis.call('ZADD', due, ARGV[4], id)
return 0
`)

// scriptRemove: ARGV id.
var scriptRemove = redis.NewScript(luaJobKeys + `
forget(ARGV[1])
return 0
`)

// scriptList: ARGV limit. Answers id, due, at, tries, claimed, payload for each.
var scriptList = redis.NewScript(luaJobKeys + `
local out = {}
local list = redis.call('ZRANGE', due, 0, tonumber(ARGV[1]) - 1, 'WITHSCORES')
for i = 1, #list, 2 do
  local id = list[i]
  table.insert(out, {id, list[i + 1], redis.call('HGET', at, id), redis.call('HGET', tries, id) or '0',
    tostring(redis.call('HEXISTS', fence, id)), redis.call('HGET', payload, id)})
end
return out
`)

// scriptParked: ARGV limit. Answers id, tries, what parked says for each.
var scriptParked = redis.NewScript(luaJobKeys + `
local out = {}
local list = redis.call('HGETALL', parked)
for i = 1, #list, 2 do
  if #out >= tonumber(ARGV[1]) then break end
  table.insert(out, {list[i], redis.call('HGET', tries, list[i]) or '0', list[i + 1]})
end
return out
`)

// scriptCount answers how many wait and how many are parked.
var scriptCount = redis.NewScript(luaJobKeys + `
return {redis.call('ZCARD', due), redis.call('HLEN', parked)}
`)

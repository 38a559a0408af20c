-- post.lua - one form after another: bodies from a file, in order, and from the start again when they run out.
-- usage: wrk -t1 … -s post.lua URL -- BODIES [AUTHORIZATION|-] [TOKENS|-] [THINK_MS]
-- TOKENS is a file that the access tokens of the answers go to. THINK_MS is the mean pause of a connection between requests.
local bodies, head, out = {}, "", nil
local at, think = 0, 0
sent, refusal = 0, ""
local threads = {}

function setup(thread)
   threads[#threads + 1] = thread
end

local function given(word)
   return word ~= nil and word ~= "-" and word ~= ""
end

local function keep(status, headers, body)
   local token = body:match('"access_token":"([^"]+)"')
   if token then
      out:write(token, "\n")
   elseif refusal == "" then
      refusal = status .. " " .. body:sub(1, 300)
   end
end

function init(args)
   for line in io.lines(args[1]) do
      bodies[#bodies + 1] = line
   end
   head = "POST " .. wrk.path .. " HTTP/1.1\r\nHost: " .. wrk.host .. ":" .. wrk.port
      .. "\r\nContent-Type: application/x-www-form-urlencoded\r\n"
   if given(args[2]) then
      head = head .. "Authorization: " .. args[2] .. "\r\n"
   end
   head = head .. "Content-Length: "
   if given(args[3]) then
      out = io.open(args[3], "w")
      response = keep
   end
   think = tonumber(args[4] or 0) or 0
   if think > 0 then
      delay = function() return math.random(0, 2 * think) end
   end
end

function request()
   at = at % #bodies + 1
   sent = sent + 1
   return head .. #bodies[at] .. "\r\n\r\n" .. bodies[at]
end

function done(summary, latency)
   local e = summary.errors
   print(string.format('BENCH {"requests":%d,"duration_us":%d,"p50":%d,"p99":%d,"mean":%.1f,"status":%d,"broken":%d,"sent":%d,"refusal":%q}',
      summary.requests, summary.duration, latency:percentile(50), latency:percentile(99), latency.mean, e.status,
      e.connect + e.read + e.write + e.timeout, threads[1]:get("sent"), threads[1]:get("refusal")))
end

-- trunkd's routes in a FreeSWITCH: put it into scripts/, and call it from the dialplan:
--
--     <action application="lua" data="trunkd.lua acme ${destination_number} ${caller_id_number}"/>
--
-- For each call trunkd is asked where it may go (GET /v1/route, plain JSON), and the routes are tried one after the
-- other: Request-URI, next hop, From and P-Asserted-Identity are those of each peer server. When trunkd does not answer
-- within a second, the gateways of FALLBACK are tried. Needs mod_lua, mod_curl with append_headers (FreeSWITCH 1.10),
-- and the library cjson of Lua (Debian: lua-cjson). Debian 12 has no FreeSWITCH: trunkd's tests run this by a plain Lua, with
-- the few functions of FreeSWITCH played.

local API = "http://127.0.0.1:9077"
local TOKEN = ""                                  -- one of http.tokens with the role read; empty where there are none
local HOST = "203.0.113.10"                       -- our own host in From and P-Asserted-Identity
local PROFILE = "external"
local FALLBACK = "sofia/gateway/madrid/%s|sofia/gateway/barcelona/%s"

local contract, called, calling = argv[1], argv[2], argv[3]
local api = freeswitch.API()

local function escaped(text)
  return (text:gsub("[^%w%-%._~]", function(char) return string.format("%%%02X", char:byte()) end))
end

local url = string.format("%s/v1/route?format=plain&contract=%s&domain=%s&to=%s&from=%s", API,
  escaped(contract), escaped(HOST), escaped(called), escaped(calling))
local options = " connect-timeout 1 timeout 1"
if TOKEN ~= "" then options = options .. " append_headers 'Authorization: Bearer " .. TOKEN .. "'" end
local body = api:execute("curl", url .. options)
local isRead, document = pcall(require("cjson").decode, body or "")

local function header(route, name)
  for _, one in ipairs(route.headers) do
    if one.name == name then return one.value end
  end
end

-- A comma may stand in the user part of a URI, and begins another leg, or another variable, in a dial string.
local function safe(text)
  return (text:gsub(",", "%%2C"))
end

-- What is in brackets is for this leg alone.
local function leg(route)
  local user, domain = route.from:match("^sips?:(.-)@(.+)$")
  local variables = {
    "sip_invite_from_uri=<" .. safe(route.from) .. ">",
    "origination_caller_id_number=" .. safe(user or calling),
    "sip_from_host=" .. (domain or HOST),
    "sip_cid_type=none",
    "sip_route_uri=" .. route.nextHop,
  }
  local identity = header(route, "P-Asserted-Identity")
  if identity then table.insert(variables, "sip_h_P-Asserted-Identity=" .. safe(identity)) end
  local remote = header(route, "Remote-Party-ID")
  if remote then table.insert(variables, "sip_h_Remote-Party-ID=" .. safe(remote)) end
  return "[" .. table.concat(variables, ",") .. "]sofia/" .. PROFILE .. "/" .. safe(route.requestUri)
end

local legs = {}
if isRead and type(document) == "table" and document.routes then
  if #document.routes == 0 then
    session:hangup("NORMAL_TEMPORARY_FAILURE")
    return
  end
  for _, route in ipairs(document.routes) do table.insert(legs, leg(route)) end
else
  table.insert(legs, (FALLBACK:gsub("%%s", function() return escaped(called) end)))
end

session:setVariable("hangup_after_bridge", "true")
session:setVariable("continue_on_fail", "NORMAL_TEMPORARY_FAILURE,NO_ROUTE_DESTINATION,RECOVERY_ON_TIMER_EXPIRE")
session:execute("bridge", table.concat(legs, "|"))

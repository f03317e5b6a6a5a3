-- wrk with sixteen requests under way on each connection.
local ahead = 16

function init()
  local one = wrk.format("GET", wrk.path)
  all = one:rep(ahead)
end

function request()
  return all
end

-- crosspatch.lua: a plugin for grandMA3 that sends the state of executors by OSC.
--
-- The console reports playback actions by sequence, which says neither which executor shows it nor what was there before. This
-- plugin sends level, running state, name, cue and colour of executors: all of them when it begins and when somebody asks, and after
-- that what changes. README.md beside this file describes the set-up and the protocol.
--
-- It was never run on a console. It is tested against a stub of the console's Lua functions.

-- What to change ---------------------------------------------------------------------------------------------------------

-- The line of the menu In & Out > OSC that sends to crosspatch: its number, or its name in quotes. `Send Command` has to be on.
local LINE = 2

-- Pages whose executors are sent as `/Page1/Fader201`, whatever page the console is on.
local PAGES = { 1 }

-- Whether the executors of the current page are sent as `/Fader201`, too.
local CURRENT_PAGE = true

-- The executors, from and to.
local EXECUTORS = { { 101, 115 }, { 201, 215 } }

-- Seconds between two looks, and how many messages one look may send.
local TICK = 0.1
local BUDGET = 20

-- The end of what to change ----------------------------------------------------------------------------------------------

local PROTOCOL = 1

-- The variable of the show through which others talk to the plugin: "refresh" asks for everything.
local VARIABLE = "crosspatch"

-- What stands for a text that is not there: SendOSC may have no empty one.
local NOTHING = "-"

-- Names, cues and colours are read less often than levels: of each executor at every so many looks.
local SLOW = 5

-- Seconds until the next attempt after the console has refused to send.
local PAUSE = 5

-- The run that is going on. Whoever starts the plugin again ends it.
local active = nil

-- Reads a property of an object, or nothing if the object has none or is gone: handles of deleted objects raise errors.
local function property(object, name)
    if object == nil then
        return nil
    end
    local ok, value = pcall(function()
        return object[name]
    end)
    if ok then
        return value
    end
    return nil
end

-- Calls a function that may raise an error, and returns what it returns, or nothing.
local function try(call, ...)
    local ok, value = pcall(call, ...)
    if ok then
        return value
    end
    return nil
end

-- A text as SendOSC can carry it: a comma would end it, and a quote the command.
local function plain(text)
    if text == nil then
        return NOTHING
    end
    text = tostring(text):gsub(",", ";"):gsub('"', "'"):gsub("%c", " ")
    if text:match("^%s*$") then
        return NOTHING
    end
    return text
end

local function byte(value)
    return math.max(0, math.min(255, math.floor(tonumber(value) or 0)))
end

-- The back colour of an object's appearance.
local function color(object)
    local appearance = property(object, "Appearance")
    if appearance == nil then
        return "#000000"
    end
    local red, green, blue = property(appearance, "BackR"), property(appearance, "BackG"), property(appearance, "BackB")
    return string.format("#%02x%02x%02x", byte(red), byte(green), byte(blue))
end

-- Whether an object runs. The function has a new name from version 2.4 on, and the old one fills the System Monitor with
-- warnings; so it is chosen once.
local running_function = nil
local function is_running(object)
    if object == nil then
        return false
    end
    if running_function == nil then
        local name = property(object, "IsRunningPlayback") ~= nil and "IsRunningPlayback" or "HasActivePlayback"
        running_function = function(any)
            return any[name](any)
        end
    end
    return try(running_function, object) == true
end

-- What is assigned to an executor. Of one that spans several numbers only one has the object; the others name that one.
local function object_of(executor)
    return property(executor, "Object") or property(property(executor, "Exec"), "Object")
end

-- The executors of a page, by number. Empty if the page does not exist.
local function executors_of(page)
    local found = {}
    local children = page ~= nil and try(function()
        return page:Children()
    end) or {}
    for _, executor in ipairs(children) do
        local number = tonumber(property(executor, "No"))
        if number ~= nil then
            found[number] = executor
        end
    end
    return found
end

local function page_of_number(number)
    return try(function()
        return DataPool().Pages[number]
    end)
end

-- All that is watched: executors, each with what stands in front of its address.
local function watched()
    local list = {}
    local function add(prefix, page)
        for _, range in ipairs(EXECUTORS) do
            for number = range[1], range[2] do
                list[#list + 1] = { prefix = prefix, page = page, number = number }
            end
        end
    end
    for _, page in ipairs(PAGES) do
        add("/Page" .. page, page)
    end
    if CURRENT_PAGE then
        add("", nil)
    end
    return list
end

-- Level and running state of an executor.
local function quick_state(executor)
    local level = executor ~= nil and try(function()
        return executor:GetFader({ token = "FaderMaster", faderDisabled = false })
    end) or 0
    local running = is_running(object_of(executor)) and 1 or 0
    return string.format("f,%.2f", tonumber(level) or 0), "i," .. running
end

-- Name, cue and colour of an executor.
local function slow_state(executor)
    local object = object_of(executor)
    local cue = is_running(object) and property(object, "CueName") or nil
    return "s," .. plain(property(object, "Name")), "s," .. plain(cue), "s," .. color(object)
end

-- Sends one message. Says whether the console took it.
local function send(address, value)
    local feedback = Cmd(string.format('SendOSC %s "%s,%s"', type(LINE) == "string" and '"' .. LINE .. '"' or LINE, address, value))
    return feedback == nil or feedback == "OK"
end

-- Watches and sends until it is ended.
local function run(token)
    local list = watched()
    local sent, seen = {}, {}
    local page_sent, has_begun = nil, false
    local position, look, silent_until = 1, 0, 0
    local has_complained = false

    while active == token do
        if GetVar(GlobalVars(), VARIABLE) == "refresh" then
            SetVar(GlobalVars(), VARIABLE, "")
            sent, page_sent, has_begun, position = {}, nil, false, 1
        end
        look = look + 1

        -- What is. Executors of a page are looked up once a look, for pages and what is on them come and go.
        local current = try(CurrentExecPage)
        local current_number = tonumber(property(current, "No")) or tonumber(property(current, "Index")) or 0
        local pages = {}
        for place, watch in ipairs(list) do
            local key = watch.page or "current"
            pages[key] = pages[key] or executors_of(watch.page ~= nil and page_of_number(watch.page) or watch.page == nil and current or nil)
            local executor = pages[key][watch.number]
            local state = seen[place] or {}
            seen[place] = state
            state.Fader, state.Running = quick_state(executor)
            -- A new page shows itself at once.
            if state.Name == nil or (place + look) % SLOW == 0 or (watch.page == nil and page_sent ~= current_number) then
                state.Name, state.Cue, state.Color = slow_state(executor)
            end
        end

        -- What is news, up to the budget, beginning where the last look ended: nobody waits for ever.
        local left = BUDGET
        local function tell(address, value)
            if send(address, value) then
                has_complained = false
                return true
            end
            if not has_complained then
                Printf("crosspatch: the console refuses SendOSC " .. tostring(LINE) .. ": is there such a line, with Send Command on?")
                has_complained = true
            end
            silent_until = look + math.floor(PAUSE / TICK)
            return false
        end
        if look >= silent_until then
            local goes_on = true
            if not has_begun then
                goes_on = tell("/crosspatch/version", "i," .. PROTOCOL)
                has_begun = goes_on
            end
            if goes_on and page_sent ~= current_number then
                goes_on = tell("/crosspatch/page", "i," .. current_number)
                page_sent = goes_on and current_number or nil
            end
            for _ = 1, #list do
                if not goes_on then
                    break
                end
                local watch, state = list[position], seen[position]
                local was = sent[position] or {}
                sent[position] = was
                for _, word in ipairs({ "Fader", "Running", "Name", "Cue", "Color" }) do
                    if was[word] ~= state[word] then
                        if left == 0 or not tell(watch.prefix .. "/" .. word .. watch.number, state[word]) then
                            goes_on = false
                            break
                        end
                        left = left - 1
                        was[word] = state[word]
                    end
                end
                if goes_on then
                    position = position % #list + 1
                end
            end
        end
        coroutine.yield(TICK)
    end
end

-- Starts the plugin, or ends it if it runs.
local function main()
    if active ~= nil then
        active = nil
        Printf("crosspatch: stopped")
        return
    end
    local token = {}
    active = token
    Printf("crosspatch: started")
    local ok, problem = pcall(run, token)
    if active == token then
        active = nil
    end
    if not ok then
        Printf("crosspatch: ended: " .. tostring(problem))
    end
end

-- The console calls this when the plugin is deleted or loaded anew.
local function cleanup()
    active = nil
end

return main, cleanup

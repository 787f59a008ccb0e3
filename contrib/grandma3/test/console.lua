-- console.lua: a stub of the grandMA3 functions that crosspatch.lua uses, and a clock that is moved by hand.
--
-- lua5.4 console.lua PLUGIN < SCENARIO: runs the scenario, which is Lua, with the functions below, and prints a line for each command
-- that the plugin gives the console: the time, a tab, the command.

local plugin_file = arg[1]

-- The state of the console, which scenarios change at will.
console = { page = 1, pages = {}, variables = {}, refuses = false, now = 0, deprecated_calls = 0 }

-- An object of the console: properties are found in any capitals, as there, and a deleted one raises errors.
local function object(fields)
    local methods = {}
    local handle = {}
    return setmetatable(handle, {
        __index = function(_, key)
            if fields.deleted then
                error("object is gone")
            end
            if methods[key] ~= nil then
                return methods[key]
            end
            for name, value in pairs(fields) do
                if name:lower() == tostring(key):lower() then
                    return value
                end
            end
            return nil
        end,
        __newindex = function(_, key, value)
            fields[key:lower()] = value
        end,
    }), methods
end

-- A sequence: name, color { red, green, blue }, running, cue.
function sequence(fields)
    local handle, methods = object(fields)
    if fields.color then
        fields.appearance = object({ backr = fields.color[1], backg = fields.color[2], backb = fields.color[3] })
    end
    if fields.is_new ~= false then
        methods.IsRunningPlayback = function()
            return fields.running or false
        end
    end
    methods.HasActivePlayback = function()
        console.deprecated_calls = console.deprecated_calls + 1
        return fields.running or false
    end
    fields.cuename = fields.cue
    return handle
end

-- An executor on a page: its number, its level from 0 to 100, and the sequence. `exec` instead of a sequence is a part of another.
function executor(fields)
    local handle, methods = object(fields)
    methods.GetFader = function(_, options)
        assert(options.token == "FaderMaster")
        return fields.level or 0
    end
    return handle
end

-- Puts executors on a page.
function page(number, executors)
    local handle, methods = object({ no = number, index = number, executors = executors })
    methods.Children = function()
        return executors
    end
    console.pages[number] = handle
    return handle
end

function DataPool()
    return { Pages = console.pages }
end

function CurrentExecPage()
    return console.pages[console.page]
end

function GlobalVars()
    return console.variables
end

function GetVar(variables, name)
    return variables[name]
end

function SetVar(variables, name, value)
    variables[name] = value
end

function Printf(text)
    print(string.format("%.1f\t# %s", console.now, text))
end

function Cmd(command)
    print(string.format("%.1f\t%s", console.now, command))
    return console.refuses and "Illegal Command" or "OK"
end

local main, cleanup = assert(loadfile(plugin_file))()
local task, due = nil, 0

-- Runs the plugin as a tap on it does.
function tap()
    local call = coroutine.create(main)
    local ok, pause = coroutine.resume(call)
    assert(ok, pause)
    if coroutine.status(call) == "suspended" then
        task, due = call, console.now + pause
    end
end

-- Lets time pass.
function pass(seconds)
    local ending = console.now + seconds
    while task and due <= ending + 1e-9 do
        console.now = due
        local ok, pause = coroutine.resume(task)
        assert(ok, pause)
        if coroutine.status(task) == "dead" then
            task = nil
        else
            due = due + pause
        end
    end
    console.now = ending
end

-- What the console does before it deletes the plugin.
function delete()
    cleanup()
end

function is_at_work()
    return task ~= nil
end

assert(load(io.read("a"), "scenario"))()

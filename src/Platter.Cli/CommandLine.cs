using System.Runtime.CompilerServices;
using Platter.Cli.Completion;
using Platter.Cli.Output;
using Platter.Cli.Shell;
using Platter.Cli.Syntax;
using Platter.Cli.Verbs;

namespace Platter.Cli;

/// <summary>From the process's arguments to its exit code. Only the verb that was asked for is built.</summary>
internal static class CommandLine
{
    public static int Run(string[] args)
    {
        var output = new TextOut(StandardStream.Output);
        var error = new TextOut(StandardStream.Error);
        try
        {
            var code = Run(args, output, error, null);
            output.Flush();
            error.Flush();
            return code;
        }
        catch (BrokenPipeException)
        {
            return ExitCode.Done;
        }
        catch (IOException e)
        {
            // Standard output itself failed, such as on a full disk.
            return Report(e, null, null, null, new TextOut(StandardStream.Error), null);
        }
    }

    /// <summary>Runs one command line; also those typed at the prompt of <c>platter shell</c>.</summary>
    public static int Run(ReadOnlySpan<string> args, TextOut output, TextOut error, ShellContext? shell)
    {
        if (args is ["__complete", ..])
            return Completer.Print(args[1..], output);      // called by the completion scripts, whose words are not ours to parse
        Session? session = null;
        string? known = null;
        try
        {
            var verbAt = FindVerb(args, out var verbName, out var words);
            if (verbAt is null)
                return WithoutVerb(args, output, shell);
            var verb = VerbTable.Create(verbName);
            if (verb is null)
                return HelpOn(verbName, words, output);
            known = verbName;
            if (shell is not null && verb is ShellVerb)
                throw new UsageException("this is the shell already");
            var syntax = verb.Syntax;
            if (shell is not null && syntax.Arguments is [{ Kind: ValueKind.Image, Name: "IMAGE[@N]" or "IMAGE" }, ..] && !words.Contains("--help"))
                words = WithImage(shell.Image, words);
            var parsed = ArgumentParser.Parse(syntax, words);
            if (parsed.Has(GlobalOptions.Help))
            {
                HelpText.WriteVerb(verbName, syntax, output, new Paint(Session.WantsColor(parsed)));
                return ExitCode.Done;
            }
            session = new Session(parsed, output, error, shell);
            return verb.Run(session);
        }
        catch (BrokenPipeException)
        {
            throw;
        }
        catch (Exception e) when (e is not (NullReferenceException or IndexOutOfRangeException or InvalidCastException))
        {
            // The last stop of every error: it becomes one line and an exit code. (A bug keeps its stack trace.)
            return Report(e, known, session, output, error, args);
        }
        finally
        {
            session?.Dispose();
        }
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static string[] WithImage(string image, string[] words) => [image, .. words];

    private static int Report(Exception e, string? verb, Session? session, TextOut? output, TextOut error, ReadOnlySpan<string> args)
    {
        session?.EndProgress();
        var code = ExitCode.Of(e);
        var what = ExitCode.What(e, session?.Subject);
        var why = ExitCode.Why(e, what);
        var hint = e is DiskFormatException && verb == "check" ? null        // which is what the hint would name
            : ExitCode.Hint(e, session is { HasOpened: true } ? session.Subject : null, what) ?? (e is UsageException && verb is not null ? $"'platter {verb} --help' tells more" : null);
        var line = LineOf(what, why, hint);
        if (output is not null && (session?.Json ?? args.Contains("--json")))
        {
            output.Discard();
            if (!output.HasWritten)
            {
                using var json = new Json(output);
                json.Object();
                WriteError(json, code, line);
                json.End();
            }
        }
        else
        {
            // What was put out before the error stays, and comes before it.
            output?.Flush();
        }
        error.WriteLine("platter: " + line);
        error.Flush();
        return code;
    }

    /// <summary>Writes the error that a command is going to end with into a document that has its results, too.</summary>
    public static void WriteError(Json json, CommandException e) => WriteError(json, e.Code, LineOf(e.What, ExitCode.Why(e, e.What), e.Hint));

    private static void WriteError(Json json, int code, string line)
    {
        json.Object("error");
        json.Field("code", (long)code);
        json.Field("message", line);
        json.End();
    }

    private static string LineOf(string? what, string why, string? hint)
    {
        // Library messages often name the image already.
        if (what is not null && (why.StartsWith(what + ":", StringComparison.Ordinal) || why.StartsWith(what + " ", StringComparison.Ordinal)))
            what = null;
        return (what is null ? "" : SafeText.OneLine(what) + ": ") + why + (hint is null ? "" : $" ({SafeText.OneLine(hint)})");
    }

    /// <summary>The verb is the first word that is no option (nor an option's value); <c>part add</c> and the like are two words.</summary>
    private static int? FindVerb(ReadOnlySpan<string> args, out string name, out string[] words)
    {
        for (var i = 0; i < args.Length; i++)
        {
            if (args[i].StartsWith('-') && args[i].Length > 1)
            {
                if (args[i] == "--")
                    break;
                if (ArgumentParser.Find(null, args[i]) is { Value: not null })
                    i++;
                continue;
            }
            name = args[i];
            var next = i + 1;
            if (VerbTable.IsGroup(name) && next < args.Length && !args[next].StartsWith('-'))
                name += " " + args[next++];
            words = new string[i + args.Length - next];
            for (var k = 0; k < words.Length; k++)
                words[k] = args[k < i ? k : k - i + next];
            return i;
        }
        name = "";
        words = [];
        return null;
    }

    private static int WithoutVerb(ReadOnlySpan<string> args, TextOut output, ShellContext? shell)
    {
        var parsed = ArgumentParser.Parse(new VerbSyntax { Summary = "" }, args);
        if (parsed.Has(GlobalOptions.Version))
        {
            output.WriteLine("platter " + BuildVersion.Text);
            return ExitCode.Done;
        }
        if (parsed.Has(GlobalOptions.Help) || (shell is null && args.IsEmpty))
        {
            HelpText.WriteAll(output, new Paint(Session.WantsColor(parsed)));
            return args.IsEmpty ? ExitCode.Usage : ExitCode.Done;
        }
        throw new UsageException("what is to be done? A verb is missing", "'platter --help' lists them");
    }

    // 'part --help', 'help', 'help part add': words that are no verb, and ask for help all the same.
    [MethodImpl(MethodImplOptions.NoInlining)]
    private static int HelpOn(string name, string[] words, TextOut output)
    {
        var asked = name == "help" ? string.Join(' ', words.Where(w => !w.StartsWith('-'))) : name;
        var paint = new Paint(Session.WantsColor(new ParsedArguments()));
        if (name == "help" && asked.Length == 0)
            HelpText.WriteAll(output, paint);
        else if (name == "help" && VerbTable.Create(asked) is { } verb)
            HelpText.WriteVerb(asked, verb.Syntax, output, paint);
        else if (VerbTable.IsGroup(asked) && (name == "help" || words.Contains("--help") || words.Contains("-h")))
            HelpText.WriteGroup(asked, output, paint);
        else
            throw UnknownVerb(asked);
        return ExitCode.Done;
    }

    private static UsageException UnknownVerb(string name)
    {
        if (VerbTable.IsGroup(name.Split(' ')[0]))
        {
            var group = name.Split(' ')[0];
            return new UsageException(name == group ? $"{group} needs to know what to do" : $"there is no '{name}'", "there are " + string.Join(", ", VerbTable.InGroup(group)));
        }
        var near = Nearest.Of(name, VerbTable.Names);
        return new UsageException($"there is no verb '{SafeText.OneLine(name)}'", near is null ? "'platter --help' lists them" : $"did you mean '{near}'?");
    }
}

using Platter.Cli.Output;
using Platter.Cli.Shell;
using Platter.Cli.Syntax;
using Platter.Cli.Verbs;
using Platter.FileSystems;
using Platter.Images;

namespace Platter.Cli.Completion;

/// <summary>A word that fits, and what it means.</summary>
internal readonly record struct Candidate(string Text, string Help = "");

/// <summary>Finds what can come next on an unfinished command line: for the shells' completion and for <c>platter shell</c>.</summary>
internal static class Completer
{
    /// <summary>More than this helps nobody, and a hostile directory must not fill the terminal.</summary>
    private const int Limit = 1000;

    /// <summary>Prints one candidate a line, its help after a tab.</summary>
    public static int Print(ReadOnlySpan<string> words, TextOut output)
    {
        foreach (var candidate in Complete(words, null))
        {
            // A name that would break the lines of this protocol cannot be completed.
            if (candidate.Text.AsSpan().IndexOfAnyInRange('\0', '\x1F') < 0)
                output.WriteLine(candidate.Help.Length == 0 ? candidate.Text : candidate.Text + "\t" + candidate.Help);
        }
        return ExitCode.Done;
    }

    /// <param name="words">The words after <c>platter</c>; the last one is being typed and may be empty.</param>
    /// <param name="shell">The prompt it is typed at, where IMAGE is left out.</param>
    public static List<Candidate> Complete(ReadOnlySpan<string> words, ShellContext? shell)
    {
        var current = words.IsEmpty ? "" : words[^1];
        var before = words.IsEmpty ? [] : words[..^1].ToArray();
        try
        {
            return [.. Find(before, current, shell).Where(c => c.Text.StartsWith(current, StringComparison.Ordinal)).Take(Limit)];
        }
        catch (Exception e) when (e is IOException or UnsupportedFeatureException or ArgumentException or UnauthorizedAccessException or UsageException or CommandException)
        {
            return [];      // an image that cannot be opened has nothing to offer; the command itself will say why
        }
    }

    private static IEnumerable<Candidate> Find(string[] before, string current, ShellContext? shell)
    {
        var verbAt = Array.FindIndex(before, w => !w.StartsWith('-'));
        if (verbAt < 0)
            return current.StartsWith('-') ? Options(null) : Verbs(shell);
        var name = before[verbAt];
        var rest = verbAt + 1;
        if (VerbTable.IsGroup(name))
        {
            if (rest == before.Length)
                return VerbTable.InGroup(name).Select(w => new Candidate(w, VerbTable.Create(name + " " + w)!.Syntax.Summary));
            name += " " + before[rest++];
        }
        if (shell is not null && name is "cd" or "help")
            return name == "cd" ? InsidePaths(shell.Image, current, shell, foldersOnly: true) : Verbs(shell);
        if (VerbTable.Create(name)?.Syntax is not { } syntax)
            return [];
        if (rest < before.Length && before[^1].StartsWith('-') && ArgumentParser.Find(syntax, before[^1]) is { Value: not null } option)
            return Values(option.Kind, option.Choices, "", current, shell);
        if (current.StartsWith('-'))
            return Options(syntax);
        var parsed = ArgumentParser.ParseUnfinished(syntax, before.AsSpan(rest));
        var arguments = syntax.Arguments;
        string[] words = shell is not null && arguments is [{ Kind: ValueKind.Image }, ..] ? [shell.Image, .. parsed.Words] : parsed.Words;
        return Positional(arguments, words, current, shell);
    }

    private static IEnumerable<Candidate> Positional(Argument[] arguments, string[] words, string current, ShellContext? shell)
    {
        var image = words.Length > 0 ? words[0] : "";
        var index = words.Length;
        var many = Array.FindIndex(arguments, a => a.Many);
        IEnumerable<Argument> fitting = many >= 0 && index > many ? arguments.Skip(many)        // one more of them, or what comes after
            : index < arguments.Length ? [arguments[index]] : [];
        return fitting.SelectMany(a => Values(a.Kind, a.Choices, image, current, shell));
    }

    private static IEnumerable<Candidate> Values(ValueKind kind, string[] choices, string image, string current, ShellContext? shell) => kind switch
    {
        ValueKind.Image => Images(current),
        ValueKind.HostPath => HostPaths(current),
        ValueKind.InsidePath => InsidePaths(image, current, shell, foldersOnly: false),
        ValueKind.FileSystemType => FileSystemTypes.All.SelectMany(t => t.Names).Append(FileSystems.Swap.SwapArea.TypeName).Select(n => new Candidate(n)),
        ValueKind.Container => ContainerFormat.All.Prepend(ContainerFormat.Raw).Select(f => new Candidate(f.Name, f.Description)),
        _ => choices.Select(c => new Candidate(c)),
    };

    private static IEnumerable<Candidate> Verbs(ShellContext? shell)
    {
        var names = VerbTable.Names.Select(n => n.Split(' ')[0]).Distinct(StringComparer.Ordinal)
            .Select(n => new Candidate(n, VerbTable.Create(n)?.Syntax.Summary ?? string.Join(", ", VerbTable.InGroup(n))));
        return shell is null ? names : names.Concat(ShellVerb.Builtins);
    }

    private static IEnumerable<Candidate> Options(VerbSyntax? syntax) =>
        (syntax?.Options ?? []).Concat(GlobalOptions.All).Select(o => new Candidate(o.Name, o.Help));

    private static IEnumerable<Candidate> Images(string current)
    {
        var at = current.LastIndexOf('@');
        return at > 0 && File.Exists(current[..at]) ? Partitions(current[..at]) : HostPaths(current);
    }

    private static IEnumerable<Candidate> Partitions(string image)
    {
        using var disk = DiskImage.Open(image);
        foreach (var p in disk.Partitions)
            yield return new Candidate($"{image}@{p.Number}", $"{p.Entry.Type} {p.Entry.Name}, {ByteSize.FormatRounded(p.Entry.Length)}");
    }

    private static IEnumerable<Candidate> HostPaths(string current)
    {
        var slash = current.LastIndexOfAny(['/', Path.DirectorySeparatorChar]);
        var (typed, folder) = slash < 0 ? ("", ".") : (current[..(slash + 1)], current[..(slash + 1)]);
        if (!Directory.Exists(folder))
            yield break;
        foreach (var entry in new DirectoryInfo(folder).EnumerateFileSystemInfos().OrderBy(e => e.Name, StringComparer.Ordinal))
        {
            if (!entry.Name.StartsWith('.') || current.AsSpan(slash + 1).StartsWith("."))
                yield return new Candidate(typed + entry.Name + (entry is DirectoryInfo ? "/" : ""));
        }
    }

    private static IEnumerable<Candidate> InsidePaths(string image, string current, ShellContext? shell, bool foldersOnly)
    {
        if (image.Length == 0)
            yield break;
        var address = ImageAddress.Parse(image);
        using var disk = DiskImage.Open(address);
        using var volume = disk.OpenVolume(address.Partition);
        var slash = current.LastIndexOf('/');
        // Outside the shell all paths start at the root, and so does the completion of nothing.
        var typed = slash >= 0 ? current[..(slash + 1)] : shell is null ? "/" : "";
        if (!volume.TryFind(InsidePath.Normalize(typed, shell?.Folder ?? "/"), out var folder) || !folder.IsDirectory)
            yield break;
        foreach (var entry in volume.Enumerate(folder.Id).OrderBy(e => e.Name, StringComparer.Ordinal))
        {
            if (entry.Kind == EntryKind.Directory)
                yield return new Candidate(typed + entry.Name + "/");
            else if (!foldersOnly)
                yield return new Candidate(typed + entry.Name);
        }
    }
}

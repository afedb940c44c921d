namespace Platter.Cli.Syntax;

/// <summary>What a value names, for completion.</summary>
internal enum ValueKind
{
    Text,

    /// <summary>A file of the host that is a disk image, with or without <c>@N</c>.</summary>
    Image,

    /// <summary>Any file or folder of the host.</summary>
    HostPath,

    /// <summary>A type of filesystem.</summary>
    FileSystemType,

    /// <summary>A kind of container.</summary>
    Container,

    /// <summary>A path within the image that the command names.</summary>
    InsidePath,
}

/// <summary>An option of a verb, or a global one: declared once, read by the parser, the help and the completion.</summary>
/// <param name="Names">As typed: <c>-l</c>, <c>--long</c>.</param>
/// <param name="Help">One line, without a full stop.</param>
internal sealed record Option(string[] Names, string Help)
{
    /// <summary>How the help names the value; null for a flag, which takes none.</summary>
    public string? Value { get => field ?? (Choices.Length == 0 ? null : ChoicesAsValue()); init; }

    /// <summary>The values there are, where they are few.</summary>
    public string[] Choices { get; init; } = [];

    public ValueKind Kind { get; init; }

    /// <summary>Whether the verb cannot do without, and the usage line names it.</summary>
    public bool IsRequired { get; init; }

    public string Name => Names[^1];

    public static Option Flag(string names, string help) => new(NamesOf(names), help);

    public static Option Of(string names, string value, string help, ValueKind kind = ValueKind.Text) =>
        new(NamesOf(names), help) { Value = value, Kind = kind };

    public static Option Choice(string names, string help, params string[] choices) =>
        new(NamesOf(names), help) { Choices = choices };

    private string ChoicesAsValue() => string.Join('|', Choices);

    // At every start, where the framework's splitting takes a third of a millisecond.
    private static string[] NamesOf(string names)
    {
        var spaces = 0;
        foreach (var c in names)
            spaces += c == ' ' ? 1 : 0;
        var found = new string[spaces + 1];
        var start = 0;
        for (int i = 0, n = 0; i <= names.Length; i++)
        {
            if (i < names.Length && names[i] != ' ')
                continue;
            found[n++] = names[start..i];
            start = i + 1;
        }
        return found;
    }
}

/// <summary>A positional argument.</summary>
/// <param name="Name">As the help names it: <c>IMAGE[@N]</c>.</param>
/// <param name="Help">One line.</param>
internal sealed record Argument(string Name, string Help)
{
    public ValueKind Kind { get; init; }

    /// <summary>How many values it takes at least: 0 or 1.</summary>
    public int Min { get; init; } = 1;

    /// <summary>Whether it takes any number of values.</summary>
    public bool Many { get; init; }

    public string[] Choices { get; init; } = [];

    public string Usage => (Min, Many) switch
    {
        (0, false) => $"[{Name}]",
        (0, true) => $"[{Name}...]",
        (_, true) => $"{Name}...",
        _ => Name,
    };

    /// <summary>The first argument of nearly every verb.</summary>
    public static Argument Image { get; } = new("IMAGE[@N]", "the disk image, and the partition's number") { Kind = ValueKind.Image };
}

using Platter.FileSystems;

namespace Platter.Cli.Output;

/// <summary>Colours, where they are wanted: the terminal's own sixteen, so that they fit its theme.</summary>
internal sealed class Paint(bool enabled)
{
    public bool Enabled => enabled;

    public string Bold(string text) => Wrap("1", text);

    public string Dim(string text) => Wrap("2", text);

    public string Good(string text) => Wrap("32", text);

    public string Warning(string text) => Wrap("33", text);

    public string Bad(string text) => Wrap("1;31", text);

    public string Heading(string text) => Wrap("1;36", text);

    public string Name(string name, EntryKind kind) => kind switch
    {
        EntryKind.Directory => Wrap("1;34", name),
        EntryKind.SymbolicLink => Wrap("36", name),
        EntryKind.File => name,
        _ => Wrap("33", name),
    };

    private string Wrap(string code, string text) => enabled ? $"\e[{code}m{text}\e[0m" : text;
}

using Platter.Cli.Output;
using Platter.Cli.Verbs;

namespace Platter.Cli.Syntax;

/// <summary>What <c>--help</c> prints.</summary>
internal static class HelpText
{
    public static void WriteAll(TextOut output, Paint paint)
    {
        output.WriteLine("Platter opens, builds, edits and checks disk images and the filesystems inside them.");
        output.WriteLine();
        output.WriteLine(paint.Heading("Usage: ") + "platter VERB [OPTIONS] IMAGE[@N] ...");
        output.WriteLine();
        WriteVerbs(output, paint, VerbTable.Names);
        WriteOptions(output, paint, "Options of every verb:", GlobalOptions.All);
        output.WriteLine();
        output.WriteLine("IMAGE is a disk image in any container, or a block device; @N is its partition N, counted from 1. Without @N: the");
        output.WriteLine("filesystem that fills the image, or the only partition that holds one. IMAGE#NAME is a state that the image has kept.");
        output.WriteLine("Paths inside are absolute, with /.");
        output.WriteLine("'platter VERB --help' shows a verb's own options and examples.");
    }

    /// <summary>The verbs that start with one word: <c>part</c>.</summary>
    public static void WriteGroup(string group, TextOut output, Paint paint)
    {
        output.WriteLine(paint.Heading("Usage: ") + $"platter {group} {string.Join('|', VerbTable.InGroup(group))} [OPTIONS] IMAGE[@N] ...");
        output.WriteLine();
        WriteVerbs(output, paint, VerbTable.InGroup(group).Select(verb => $"{group} {verb}"));
        output.WriteLine($"'platter {group} {VerbTable.InGroup(group).First()} --help' shows one with its options and examples.");
    }

    public static void WriteVerb(string name, VerbSyntax syntax, TextOut output, Paint paint)
    {
        output.WriteLine(char.ToUpperInvariant(syntax.Summary[0]) + syntax.Summary[1..] + ".");
        output.WriteLine();
        var usage = new List<string> { "platter", name };
        usage.AddRange(syntax.Options.Where(o => o.IsRequired).Select(o => $"{o.Names[0]} {o.Value}"));
        if (syntax.Options.Any(o => !o.IsRequired))
            usage.Add("[OPTIONS]");
        usage.AddRange(syntax.Arguments.Select(a => a.Usage));
        output.WriteLine(paint.Heading("Usage: ") + string.Join(' ', usage));
        output.WriteLine();
        if (syntax.Arguments.Length > 0)
        {
            var arguments = NewTable();
            foreach (var argument in syntax.Arguments)
                arguments.Add(new Cell(argument.Name, paint.Bold(argument.Name)), argument.Help + (argument.Choices.Length > 0 ? $": {string.Join(", ", argument.Choices)}" : ""));
            arguments.Write(output, paint, "  ");
            output.WriteLine();
        }
        if (syntax.Options.Length > 0)
        {
            WriteOptions(output, paint, "Options:", syntax.Options);
            output.WriteLine();
        }
        if (syntax.Remarks.Length > 0)
        {
            output.WriteLine(syntax.Remarks);
            output.WriteLine();
        }
        if (syntax.Examples.Length > 0)
        {
            output.WriteLine(paint.Heading("Examples:"));
            foreach (var example in syntax.Examples)
            {
                output.WriteLine("  " + paint.Dim("# " + example.Meaning));
                output.WriteLine("  " + example.Command);
            }
            output.WriteLine();
        }
        output.WriteLine(paint.Dim("'platter --help' lists the options that every verb takes."));
    }

    private static Table NewTable() => new("", "") { TerminalColumns = StandardStream.IsTerminal(1) ? StandardStream.Columns(1) : 0 };

    private static void WriteVerbs(TextOut output, Paint paint, IEnumerable<string> names)
    {
        output.WriteLine(paint.Heading("Verbs:"));
        var verbs = NewTable();
        foreach (var name in names)
            verbs.Add(new Cell(name, paint.Bold(name)), VerbTable.Create(name)!.Syntax.Summary);
        verbs.Write(output, paint, "  ");
        output.WriteLine();
    }

    private static void WriteOptions(TextOut output, Paint paint, string heading, IEnumerable<Option> options)
    {
        output.WriteLine(paint.Heading(heading));
        var table = NewTable();
        foreach (var option in options)
        {
            var names = string.Join(", ", option.Names) + (option.Value is null ? "" : " " + option.Value);
            table.Add(new Cell(names, paint.Bold(names)), option.Help);
        }
        table.Write(output, paint, "  ");
    }
}

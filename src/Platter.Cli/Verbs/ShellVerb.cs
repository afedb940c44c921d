using System.Text;
using Platter.Cli.Completion;
using Platter.Cli.Output;
using Platter.Cli.Shell;
using Platter.Cli.Syntax;

namespace Platter.Cli.Verbs;

internal sealed class ShellVerb : Verb
{
    /// <summary>The words that only mean something at the prompt.</summary>
    public static readonly Candidate[] Builtins =
    [
        new("cd", "change the directory in the image"), new("pwd", "show it"), new("lcd", "change the folder on the host"), new("lpwd", "show it"),
        new("help", "list the verbs, or explain one"), new("exit", "leave"),
    ];

    public override VerbSyntax Syntax => new()
    {
        Summary = "a prompt with the verbs above, with completion and history",
        Arguments = [Argument.Image],
        Examples = [new("platter shell pc.img@1", "work in one volume"), new("printf 'mkdir /docs\\nls\\n' | platter shell pc.img@1", "commands from a file or pipe")],
        Remarks = """
            At the prompt IMAGE is left out, and paths inside may be relative to where cd has led. Each command is an edit of its own, as on the
            command line: the image is free for others in between. cd, pwd, lcd, lpwd, help and exit exist besides the verbs.
            """,
    };

    public override int Run(Session session)
    {
        // An error now rather than at the first command.
        session.OpenVolume(session.Words[0]).Dispose();
        var address = ImageAddress.Parse(session.Words[0]);
        var shell = new ShellContext((address with { Path = Path.GetFullPath(address.Path) }).ToString());
        return StandardStream.IsTerminal(0) && StandardStream.IsTerminal(1) ? Interactive(session, shell) : Script(session, shell);
    }

    private static int Script(Session session, ShellContext shell)
    {
        using var input = new StreamReader(Console.OpenStandardInput(), Encoding.UTF8);
        var code = ExitCode.Done;
        while (input.ReadLine() is { } line)
        {
            if (!Execute(session, shell, line, ref code))
                break;
        }
        return code;
    }

    private static int Interactive(Session session, ShellContext shell)
    {
        Console.TreatControlCAsInput = true;
        var history = HistoryFile.Load();
        var editor = new LineEditor(() => Console.ReadKey(intercept: true), session.Out, words => Completer.Complete([.. words], shell));
        foreach (var line in history)
            editor.Remember(line);
        var name = Path.GetFileName(shell.Image);
        var code = ExitCode.Done;
        try
        {
            while (editor.ReadLine(SafeText.Show($"{name}:{shell.Folder}> ")) is { } line)
            {
                Console.TreatControlCAsInput = false;
                var goOn = Execute(session, shell, line, ref code);
                Console.TreatControlCAsInput = true;
                if (!goOn)
                    break;
            }
        }
        finally
        {
            Console.TreatControlCAsInput = false;
            HistoryFile.Save(editor.History);
        }
        return code;
    }

    /// <summary>Runs one line.</summary>
    /// <returns>False when it was the last.</returns>
    private static bool Execute(Session session, ShellContext shell, string line, ref int code)
    {
        var words = WordSplitter.Split(line, out _);
        if (words.Count == 0)
            return true;
        switch (words[0])
        {
            case "exit" or "quit":
                return false;
            case "pwd":
                session.Out.WriteLine(session.Show(shell.Folder));
                code = ExitCode.Done;
                break;
            case "lpwd":
                session.Out.WriteLine(Directory.GetCurrentDirectory());
                code = ExitCode.Done;
                break;
            case "cd":
                code = Try(session, () => ChangeFolder(shell, words.Count > 1 ? words[1] : "/"));
                break;
            case "lcd":
                code = Try(session, () => Directory.SetCurrentDirectory(words.Count > 1 ? words[1] : Environment.GetFolderPath(Environment.SpecialFolder.UserProfile)));
                break;
            case "help":
                foreach (var builtin in Builtins)
                    session.Out.WriteLine($"  {builtin.Text,-6} {builtin.Help}");
                string[] help = words.Count > 1 ? [.. words[1..], "--help"] : ["--help"];
                code = CommandLine.Run(help, session.Out, session.Error, shell);
                break;
            default:
                code = CommandLine.Run(words.ToArray(), session.Out, session.Error, shell);
                break;
        }
        session.Out.Flush();
        return true;
    }

    private static void ChangeFolder(ShellContext shell, string path)
    {
        var folder = InsidePath.Normalize(path, shell.Folder);
        var address = ImageAddress.Parse(shell.Image);
        using var disk = DiskImage.Open(address);
        using var volume = disk.OpenVolume(address.Partition);
        if (!volume.Find(folder).IsDirectory)
            throw new CommandException(ExitCode.NotFound, null, $"{folder} is not a directory");
        shell.Folder = folder;
    }

    private static int Try(Session session, Action action)
    {
        try
        {
            action();
            return ExitCode.Done;
        }
        catch (Exception e) when (e is IOException or CommandException or UnauthorizedAccessException or UnsupportedFeatureException or ArgumentException)
        {
            session.Say("platter: " + ExitCode.Why(e));
            return ExitCode.Of(e);
        }
    }
}

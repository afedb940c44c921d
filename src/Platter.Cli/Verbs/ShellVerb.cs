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
        var isAttended = StandardStream.IsTerminal(0) && StandardStream.IsTerminal(1);
        return isAttended && StandardStream.IsCapableTerminal(1) ? Interactive(session, shell) : Script(session, shell, isAttended);
    }

    private static int Script(Session session, ShellContext shell, bool isAttended)
    {
        using var input = new StreamReader(Console.OpenStandardInput(), Encoding.UTF8);
        var code = ExitCode.Done;
        while (true)
        {
            if (isAttended)
                session.Out.Write(Prompt(shell));
            session.Out.Flush();
            if (input.ReadLine() is not { } line)
                break;
            if (!Execute(session, shell, line, ref code))
                break;
        }
        return code;
    }

    private static int Interactive(Session session, ShellContext shell)
    {
        Console.TreatControlCAsInput = true;
        var history = HistoryFile.Load();
        var editor = new LineEditor(() => Console.ReadKey(intercept: true), session.Out, words => Completer.Complete([.. words], shell), () => StandardStream.Columns(1));
        foreach (var line in history)
            editor.Remember(line);
        var code = ExitCode.Done;
        try
        {
            while (editor.ReadLine(Prompt(shell)) is { } line)
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

    private static string Prompt(ShellContext shell) => SafeText.Show($"{Path.GetFileName(shell.Image)}:{shell.Folder}> ");

    /// <summary>Runs one line.</summary>
    /// <returns>False when it was the last.</returns>
    private static bool Execute(Session session, ShellContext shell, string line, ref int code)
    {
        var words = new List<string>();
        if (Try(session, () => words = WordSplitter.Split(line)) is not ExitCode.Done and var wrong)
            code = wrong;
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
        catch (Exception e) when (e is IOException or CommandException or UsageException or UnauthorizedAccessException or UnsupportedFeatureException or ArgumentException)
        {
            // Said with --quiet too.
            session.Error.WriteLine("platter: " + ExitCode.Why(e));
            session.Error.Flush();
            return ExitCode.Of(e);
        }
    }
}

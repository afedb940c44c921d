using System.Globalization;
using Platter.Cli.Output;
using Platter.Trees;

namespace Platter.Cli;

/// <summary>What a copy has to say when it is over.</summary>
internal static class CopySummary
{
    /// <summary>Says what was lost, one line a kind; an entry that could not be copied makes the command fail, with the first one's reason.</summary>
    public static void Say(Session session, CopyReport report, bool committed)
    {
        for (var kind = LossKind.Mode; kind <= LossKind.ChangedWhileRead; kind++)
        {
            if (report.Lost(kind) > 0 && (IsWorthALine(kind) || session.Verbose))
                SayLoss(session, report, kind);
        }
        if (report.ProblemCount > 0)
            SayProblems(session, report, committed);
    }

    private static void SayLoss(Session session, CopyReport report, LossKind kind)
    {
        var loss = report.Losses.Single(loss => loss.Kind == kind);
        session.Say($"platter: note: {Text(kind)}: {loss.Count.ToString(CultureInfo.InvariantCulture)} (first: {loss.FirstPath})");
    }

    private static void SayProblems(Session session, CopyReport report, bool committed)
    {
        foreach (var problem in report.Problems.Skip(1).Take(session.Verbose ? int.MaxValue : 9))
            session.Say($"platter: {problem.Path}: {ExitCode.Why(problem.Reason)}");
        var kept = report.Files + report.Directories + report.SymbolicLinks + report.SpecialFiles + report.HardLinks;
        var first = report.Problems[0];
        throw new CommandException(ExitCode.Of(first.Reason), first.Path, ExitCode.Why(first.Reason),
            kept + report.ProblemCount == 1 ? null : $"{report.ProblemCount} of {report.ProblemCount + kept} entries could not be copied" + (committed && kept > 0 ? $", the other {kept} are complete" : ""));
    }

    public static void Write(Json json, CopyReport report)
    {
        json.Field("files", report.Files);
        json.Field("directories", report.Directories);
        json.Field("symlinks", report.SymbolicLinks);
        json.Field("bytes", report.Bytes);
        json.Field("replaced", report.Replaced);
        json.Field("skipped", report.Skipped);
        json.Array("losses");
        foreach (var loss in report.Losses)
        {
            json.Object();
            json.Field("kind", loss.Kind.ToString());
            json.Field("count", loss.Count);
            json.Field("first", loss.FirstPath);
            json.End();
        }
        json.EndArray();
    }

    // What no FAT can hold, on every file of every host, is no news; nor is the descriptor that every file of NTFS has from its directory.
    private static bool IsWorthALine(LossKind kind) => kind is not (LossKind.Mode or LossKind.Owner or LossKind.InheritedSecurity or LossKind.TimesRounded or LossKind.Holes or LossKind.LinksLeadingOut);

    private static string Text(LossKind kind) => kind switch
    {
        LossKind.Mode => "permissions not kept",
        LossKind.Owner => "owners not kept",
        LossKind.ExtendedAttributes => "entries whose extended attributes were not kept",
        LossKind.SymbolicLinks => "symbolic links left out",
        LossKind.SymbolicLinksCopied => "symbolic links replaced by a copy of what they lead to",
        LossKind.SpecialFiles => "devices, FIFOs and sockets left out",
        LossKind.HardLinks => "hard links that became copies",
        LossKind.Holes => "files whose holes were written out",
        LossKind.NamedStreams => "named streams left out",
        LossKind.ResourceForks => "resource forks left out",
        LossKind.FinderInfo => "entries whose type and creator were not kept",
        LossKind.DosAttributes => "entries whose hidden or system attribute was not kept",
        LossKind.SecurityDescriptors => "entries with a security descriptor of their own, which was not kept",
        LossKind.InheritedSecurity => "security descriptors that were inherited, not kept",
        LossKind.TimesRounded => "times rounded",
        LossKind.TimesOutOfRange => "times beyond what can be stored, pulled to the end of the range",
        LossKind.SetIdBits => "set-user and set-group bits not restored",
        LossKind.LinksLeadingOut => "symbolic links that lead out of the folder",
        LossKind.ChangedWhileRead => "files that changed while they were read",
        _ => kind.ToString(),
    };
}

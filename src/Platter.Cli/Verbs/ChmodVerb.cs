using Platter.Cli.Syntax;
using Platter.FileSystems;

namespace Platter.Cli.Verbs;

internal sealed class ChmodVerb : Verb
{
    private static readonly Option Recursive = Option.Flag("-R --recursive", "everything below too");

    public override VerbSyntax Syntax => new()
    {
        Summary = "set POSIX permissions",
        Arguments = [Argument.Image, new("MODE", "octal, or changes such as u+x,go-w"), new("PATH", "the entries") { Kind = ValueKind.InsidePath, Many = true }],
        Options = [Recursive],
        Examples = [new("platter chmod root.img 755 /usr/bin/tool", "set a mode"), new("platter chmod -R root.img go-w /etc", "take rights away")],
        IsArgument = word => word.Length > 1 && word[0] == '-' && word.Skip(1).All(static c => "rwxXst".Contains(c)),
    };

    public override int Run(Session session)
    {
        using var at = session.EditVolume(session.Words[0]);
        foreach (var node in Selection.Nodes(session, at.Volume, session.WordsFrom(2), session.Arguments.Has(Recursive)))
        {
            var m = node.Metadata;
            // On NTFS most files have none, also where they are to be kept; octal digits need no old ones.
            var old = m.Mode ?? (at.Volume.Capabilities.Has(Features.Mode) ? m.Kind == EntryKind.Directory ? 0x1ED : 0x1A4 : throw Lacks(at.Volume));
            at.Volume.SetMetadata(node.Id, new MetadataChange { Mode = ModeText.Apply(session.Words[1], old, m.Kind == EntryKind.Directory) });
        }
        at.Volume.Commit();
        return ExitCode.Done;
    }

    private static UnsupportedFeatureException Lacks(Volume volume) => new(volume.Info.Type == "ntfs"
        ? "ntfs has no permissions, unless those of the Windows Subsystem for Linux are to be kept (--wsl-metadata)" : $"{volume.Info.Type} has no permissions");
}

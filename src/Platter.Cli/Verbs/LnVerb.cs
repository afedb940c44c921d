using Platter.Cli.Syntax;
using Platter.FileSystems;
using Platter.FileSystems.Ntfs;

namespace Platter.Cli.Verbs;

internal sealed class LnVerb : Verb
{
    private static readonly Option Symbolic = Option.Flag("-s --symbolic", "a symbolic link; TARGET is stored as it is typed");
    private static readonly Option Junction = Option.Flag("-j --junction", "a junction of NTFS: a directory that leads to TARGET, an absolute path or one with a drive (D:/data)");
    private static readonly Option Drive = Option.Of("--drive", "LETTER", "the drive that Windows gives this volume, for junctions; C by default");

    public override VerbSyntax Syntax => new()
    {
        Summary = "make a hard or symbolic link",
        Arguments = [Argument.Image, new("TARGET", "what the link leads to") { Kind = ValueKind.InsidePath }, new("LINK", "the new name") { Kind = ValueKind.InsidePath }],
        Options = [Symbolic, Junction, Drive],
        Examples =
        [
            new("platter ln -s disk.img@2 vmlinuz-6.1 /boot/vmlinuz", "a symbolic link"),
            new("platter ln --junction windows.img@3 /Users/Public /shared", "a junction, which Windows of any age follows"),
        ],
    };

    public override int Run(Session session)
    {
        using var at = session.EditVolume(session.Words[0]);
        var parent = InsidePath.Locate(at.Volume, session.Inside(session.Words[2]), out var name);
        var drive = session.Arguments.Text(Drive);
        if (session.Arguments.Has(Junction) && session.Arguments.Has(Symbolic))
            throw new UsageException("a link is symbolic or a junction, not both");
        if (drive is not null && !(session.Arguments.Has(Junction) && drive.TrimEnd(':').Length == 1 && char.IsAsciiLetter(drive[0])))
            throw new UsageException($"--drive {drive}: a letter, and for junctions alone");
        if (session.Arguments.Has(Junction))
        {
            var ntfs = at.Volume as NtfsEditableVolume ?? throw new UnsupportedFeatureException($"{at.Volume.Info.Type} has no junctions: NTFS has");
            ntfs.CreateJunction(parent, name, session.Words[1], drive?[0] ?? 'C', MetadataChange.None);
        }
        else if (session.Arguments.Has(Symbolic))
            at.Volume.CreateSymbolicLink(parent, name, session.Words[1], MetadataChange.None);
        else
            at.Volume.CreateHardLink(at.Volume.Find(session.Inside(session.Words[1])).Id, parent, name);
        at.Volume.Commit();
        return ExitCode.Done;
    }
}

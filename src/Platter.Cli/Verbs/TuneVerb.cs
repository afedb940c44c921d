using Platter.Cli.Syntax;
using Platter.FileSystems;

namespace Platter.Cli.Verbs;

internal sealed class TuneVerb : Verb
{
    private static readonly Option Settings = Option.Of("-O", "KEY=VALUE,...", "settings to change, in the words of mkfs; features stand for themselves, ^ takes one away");

    public override VerbSyntax Syntax => new()
    {
        Summary = "change settings and features of a filesystem that is there",
        Arguments = [Argument.Image],
        Options = [Settings, MkfsVerb.Label, MkfsVerb.Id],
        Examples =
        [
            new("platter tune root.img -O reserved_percent=1,errors=remount-ro", "keep less for root, and stop at errors"),
            new("platter tune root.img -O ^has_journal", "take the journal away"),
            new("platter tune disk.img@2 --id random --label copy", "another identity, for a copy"),
        ],
        Remarks = "For ext2, ext3 and ext4. All of it is done, or nothing; checksums, counts and copies of the superblock follow.",
    };

    public override int Run(Session session)
    {
        var options = new Dictionary<string, string>(session.Arguments.Pairs(Settings), StringComparer.Ordinal);
        if (session.Arguments.Text(MkfsVerb.Label) is { } label)
            options["label"] = label;
        if (session.Arguments.Text(MkfsVerb.Id) is { } id)
            options["uuid"] = id;
        if (options.Count == 0)
            throw new UsageException("-O KEY=VALUE is missing: what to change", "'platter info' shows what there is");
        var (disk, partition) = session.EditDisk(session.Words[0]);
        using var _ = disk;
        disk.Tune(partition, new TuneOptions { Options = options, Volume = session.VolumeOptions });
        return ExitCode.Done;
    }
}

using Platter.Cli.Output;
using Platter.Cli.Syntax;
using Platter.FileSystems;

namespace Platter.Cli.Verbs;

internal sealed class ResizeVerb : Verb
{
    public override VerbSyntax Syntax => new()
    {
        Summary = "make a filesystem larger or smaller within its partition",
        Arguments = [Argument.Image, new("SIZE", "its new size in bytes; without it, all of its partition or image") { Min = 0 }],
        Examples =
        [
            new("platter resize disk.img@2", "fill the partition, after 'platter part resize'"),
            new("platter resize windows.img 20G", "a size of its own"),
        ],
        Remarks = "For NTFS. What lies behind the new end moves to free space before it; where that is too little, nothing changes, and the least size is told. 'platter part resize' then makes the "
            + "partition smaller, too.",
    };

    public override int Run(Session session)
    {
        var wanted = session.Words.Length > 1 ? ByteSize.Parse(session.Words[1]) : (long?)null;
        var (disk, partition) = session.EditDisk(session.Words[0]);
        using var _ = disk;
        var place = disk.Locate(partition);
        if (wanted > place.Device.Length)
        {
            throw new CommandException(ExitCode.NoSpace, null, $"{wanted} bytes do not fit: there are {place.Device.Length}",
                place.Partition is { } of ? $"'platter part resize {disk.Path} {of.Number} SIZE' makes the partition larger" : $"'platter convert {disk.Path} NEW --size SIZE' makes a larger image");
        }
        var report = disk.Resize(partition, new ResizeOptions { Length = wanted, Volume = session.VolumeOptions, Progress = session.Progress, Cancellation = session.Cancellation });
        session.EndProgress();
        if (session.Json)
        {
            using var json = new Json(session.Out);
            json.Object();
            json.Field("lengthBefore", report.LengthBefore);
            json.Field("length", report.Length);
            json.End();
        }
        else
        {
            session.SayMore(report.Length == report.LengthBefore ? $"{report.Length} bytes, as before" : $"{report.Length} bytes, {report.LengthBefore} before");
        }
        return ExitCode.Done;
    }
}

using System.Globalization;
using Platter.Cli.Output;
using Platter.Cli.Syntax;
using Platter.FileSystems;

namespace Platter.Cli.Verbs;

internal sealed class DfVerb : Verb
{
    private static readonly Option Bytes = Option.Flag("-b --bytes", "exact numbers of bytes");
    private static readonly Option Human = Option.Flag("-h --human", "rounded sizes; that is how it is without -b");

    public override VerbSyntax Syntax => new()
    {
        Summary = "show the space of each filesystem",
        Arguments = [Argument.Image],
        Options = [Bytes, Human],
        Examples = [new("platter df pc.img", "every filesystem of a disk")],
    };

    public override int Run(Session session)
    {
        var (disk, partition) = session.OpenDisk(session.Words[0]);
        using var _ = disk;
        var spaces = new List<(int? Number, VolumeInfo Info, long Free)>();
        if (partition is not null || disk.FileSystem is not null)
            spaces.Add(Measure(disk, partition));
        else
            spaces.AddRange(disk.Partitions.Where(p => p.FileSystem is not null).Select(p => Measure(disk, p.Number)));
        if (spaces.Count == 0)
            disk.Locate();      // says what there is in place of a filesystem
        if (session.Json)
            WriteJson(session, spaces);
        else
            WriteText(session, spaces);
        return ExitCode.Done;
    }

    private static (int? Number, VolumeInfo Info, long Free) Measure(DiskImage disk, int? partition)
    {
        using var volume = disk.OpenVolume(partition);
        return (partition, volume.Info, volume.FreeBytes);
    }

    private static void WriteText(Session session, List<(int? Number, VolumeInfo Info, long Free)> spaces)
    {
        Func<long, string> size = session.Arguments.Has(Bytes) ? EntryText.Number : ByteSize.FormatRounded;
        var table = new Table("", "type", "label", "size", "used", "free", "use").Right(3, 4, 5, 6);
        foreach (var (number, info, free) in spaces)
        {
            table.Add(number is { } n ? $"@{n}" : "", info.Type, session.Show(info.Label ?? ""), size(info.TotalBytes), size(info.TotalBytes - free), size(free),
                info.TotalBytes == 0 ? "-" : ((info.TotalBytes - free) * 100.0 / info.TotalBytes).ToString("0", CultureInfo.InvariantCulture) + " %");
        }
        table.Write(session.Out, session.Paint);
    }

    private static void WriteJson(Session session, List<(int? Number, VolumeInfo Info, long Free)> spaces)
    {
        using var json = new Json(session.Out);
        json.Object();
        json.Array("filesystems");
        foreach (var (number, info, free) in spaces)
        {
            json.Object();
            json.Field("number", number);
            json.Field("type", info.Type);
            json.Field("label", info.Label);
            json.Field("total", info.TotalBytes);
            json.Field("used", info.TotalBytes - free);
            json.Field("free", free);
            json.End();
        }
        json.EndArray();
        json.End();
    }
}

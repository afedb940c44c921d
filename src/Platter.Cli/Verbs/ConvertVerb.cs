using Platter.Blocks;
using Platter.Cli.Output;
using Platter.Cli.Syntax;
using Platter.Images;

namespace Platter.Cli.Verbs;

internal sealed class ConvertVerb : Verb
{
    private static readonly Option Compress = Option.Flag("-c --compress", "store compressed blocks, in a container that can but need not");
    private static readonly Option Settings = Option.Of("-O", "KEY=VALUE,...", "settings of the container, such as cluster_size=128K");
    private static readonly Option Level = Option.Of("--level", "N", "how hard to compress; each kind of compression has its own scale");
    private static readonly Option Size = Option.Of("--size", "SIZE", "make the disk larger on the way, with zeros at its end");
    private static readonly Option Backing = Option.Of("--backing", "BASE", "store only what differs from this image, which the new one then builds upon", ValueKind.Image);
    private static readonly Option Verify = Option.Flag("--verify", "read back what was written, and compare");
    private static readonly Option Preallocate = Option.Flag("--preallocate", "allocate all of the new image at once");

    public override VerbSyntax Syntax => new()
    {
        Summary = "copy a disk into another container",
        Arguments =
        [
            new("SOURCE[@N]", "a disk image in any container, a partition of one, or a disk of the host") { Kind = ValueKind.Image },
            new("DEST[@N]", "the new image; or a partition of an image that is there, or a disk of the host, whose content is replaced") { Kind = ValueKind.HostPath },
        ],
        Options = [ContainerChoice.Format, Compress, ContainerChoice.Subformat, Settings, Level, Size, Backing, Verify, Preallocate, ContainerChoice.NoSync],
        Examples =
        [
            new("platter convert disk.img disk.vhd -f vhd-fixed", "a fixed VHD, as clouds take it"),
            new("platter convert disk.vmdk disk.img.zst --verify", "compressed, and still good for 'platter ls'"),
            new("platter convert disk.img@1 boot.img", "one partition as an image of its own"),
            new("platter convert boot.img disk.img@1 --force", "and back into the disk"),
        ],
        Remarks = "Only what isn't zeros is read, written and stored. DEST appears when it is complete; interrupted, nothing is left.",
    };

    public override int Run(Session session)
    {
        var target = session.Words[1];
        var (disk, partition) = session.OpenDisk(session.Words[0]);
        using var _ = disk;
        var source = disk.Place(partition).Device;
        session.Subject = target;
        using var parent = Parent(session);
        var address = ImageAddress.Parse(target);
        var report = HostDisk.IsDisk(target) ? IntoDisk(session, source, target)
            : address.Partition is not null ? IntoPartition(session, source)
            : ImageConverter.ToNewImage(source, target, Options(session, parent, target));
        session.EndProgress();
        if (session.Json)
            WriteJson(session, target, report);
        else if (!session.Quiet)
            WriteText(session, target, report);
        return ExitCode.Done;
    }

    private static ConvertReport IntoDisk(Session session, BlockDevice source, string path)
    {
        RefuseImageOptions(session, "a disk of the host");
        using var disk = HostDisk.OpenToOverwrite(path, session.Force);
        return ImageConverter.Into(source, disk, Options(session, null, path));
    }

    private static ConvertReport IntoPartition(Session session, BlockDevice source)
    {
        RefuseImageOptions(session, "a partition");
        var (disk, partition) = session.EditDisk(session.Words[1]);
        using var _ = disk;
        if (!session.Force)
            MkfsVerb.RefuseToLose(disk, partition);
        return ImageConverter.Into(source, disk.Place(partition).Device, Options(session, null, disk.Path));
    }

    private static void RefuseImageOptions(Session session, string what)
    {
        foreach (var option in new[] { ContainerChoice.Format, Compress, ContainerChoice.Subformat, Settings, Level, Size, Backing, Preallocate, ContainerChoice.NoSync })
        {
            if (session.Arguments.Has(option))
                throw new UsageException($"{option.Name} is for a new image, not for {what}");
        }
    }

    private static ImageFile? Parent(Session session) =>
        session.Arguments.Text(Backing) is { } path ? ImageFile.Open(path, ImageAccess.Read) : null;

    private static ConvertOptions Options(Session session, ImageFile? parent, string path)
    {
        var a = session.Arguments;
        var container = ContainerChoice.Options(session, Settings);
        if (a.Text(Level) is { } level)
            container = container with { Settings = new Dictionary<string, string>(container.Settings, StringComparer.Ordinal) { ["compression_level"] = level } };
        if (parent is not null)
            container = container with { Parent = parent.Container, ParentReference = ContainerChoice.ReferenceTo(parent.Path, path) };
        return new ConvertOptions
        {
            Format = NewImages.Format(a.Text(ContainerChoice.Format)),
            Compress = a.Has(Compress),
            Container = container,
            Length = a.Size(Size),
            Verify = a.Has(Verify),
            Overwrite = session.Force,
            Preallocate = a.Has(Preallocate),
            NoSync = a.Has(ContainerChoice.NoSync),
            Progress = session.Progress,
            Cancellation = session.Cancellation,
        };
    }

    private static void WriteText(Session session, string target, ConvertReport report)
    {
        var where = report.Format is null ? "" : $"{report.Format}, ";
        var file = report.FileLength is { } length ? $" in a file of {ByteSize.FormatRounded(length)}" : "";
        session.Out.WriteLine($"{session.Paint.Bold(session.Show(target))}: {where}{ByteSize.FormatRounded(report.Length)}, {ByteSize.FormatRounded(report.StoredBytes)} stored{file}"
            + (report.IsVerified ? session.Paint.Good(", verified") : ""));
    }

    private static void WriteJson(Session session, string target, ConvertReport report)
    {
        using var json = new Json(session.Out);
        json.Object();
        json.Field("path", target);
        json.Field("format", report.Format);
        json.Field("size", report.Length);
        json.Field("read", report.ReadBytes);
        json.Field("stored", report.StoredBytes);
        json.Field("fileSize", report.FileLength);
        json.Field("verified", report.IsVerified);
        json.End();
    }
}

using Platter.Blocks;
using Platter.Cli.Syntax;
using Platter.FileSystems;
using Platter.FileSystems.Swap;
using Platter.Images;

namespace Platter.Cli.Verbs;

internal sealed class MkfsVerb : Verb
{
    public static readonly Option Type = Option.Of("-t --type", "TYPE", "the filesystem: fat12, fat16, fat32 (fat picks the width), exfat, ntfs, ext2, ext3, ext4; swap", ValueKind.FileSystemType) with { IsRequired = true };
    public static readonly Option Label = Option.Of("-L --label", "LABEL", "the volume label");
    public static readonly Option Settings = Option.Of("-O", "KEY=VALUE,...", "settings of the type, such as cluster_size=4K");
    public static readonly Option Id = Option.Of("--id", "ID", "the volume's serial number or UUID, such as 1A2B-3C4D; of NTFS 16 hex digits");
    private static readonly Option Size = Option.Of("--size", "SIZE", "make IMAGE, of this size, when there is none");

    public override VerbSyntax Syntax => new()
    {
        Summary = "make an empty filesystem, in a partition or over the whole image",
        Arguments = [Argument.Image],
        Options = [Type, Label, Settings, Id, Size, .. ContainerChoice.All],
        Examples =
        [
            new("platter mkfs card.img -t fat32 --size 2G --label CARD", "a new image"),
            new("platter mkfs pc.img@1 -t fat32 -O cluster_size=4K", "in a partition"),
        ],
        Remarks = "What holds files or partitions already is not formatted without --force.",
    };

    public override int Run(Session session)
    {
        session.Subject = session.Words[0];
        var options = Options(session);
        var size = session.Arguments.Size(Size);
        var address = ImageAddress.Parse(session.Words[0]);
        if (File.Exists(address.Path))
            return InPlace(session, options);
        if (size is null)
            throw new CommandException(ExitCode.NotFound, null, "no such file", "--size SIZE makes it");
        if (address.Partition is not null)
            throw new CommandException(ExitCode.NotFound, null, "a new image has no partitions", "'platter part init' and 'part add' make them");
        var type = options.Type == SwapArea.TypeName ? null : FileSystemTypes.Find(options.Type) ?? throw Unknown(options.Type);
        using var image = NewImage.Create(address.Path, size.Value, NewImages.Options(session));
        if (type is null)
            SwapArea.Format(image.Device, options);
        else
            type.Format(image.Device, options);
        image.Complete();
        session.SayMore($"{address.Path}: {options.Type}");
        return ExitCode.Done;
    }

    internal static FormatOptions Options(Session session) => new()
    {
        Type = session.Arguments.Text(Type) ?? throw new UsageException("-t TYPE is missing: the filesystem", "there are " + string.Join(", ", FileSystemTypes.All.SelectMany(t => t.Names)) + ", " + SwapArea.TypeName),
        Label = session.Arguments.Text(Label),
        Id = session.Arguments.Text(Id),
        Clock = session.Clock,
        Volume = session.VolumeOptions,
        Options = session.Arguments.Pairs(Settings),
    };

    internal static UnsupportedFeatureException Unknown(string type) =>
        new($"no filesystem type is called '{type}'; there are {string.Join(", ", FileSystemTypes.All.SelectMany(t => t.Names))}");

    private static int InPlace(Session session, FormatOptions options)
    {
        var (disk, partition) = session.EditDisk(session.Words[0]);
        using var _ = disk;
        if (!session.Force)
            RefuseToLose(disk, partition);
        disk.Format(partition, options);
        return ExitCode.Done;
    }

    internal static void RefuseToLose(DiskImage disk, int? partition)
    {
        var place = disk.Place(partition);
        if (place.FileSystem is { } type)
        {
            bool hasFiles;
            string name;
            try
            {
                using var volume = type.Open(place.Device, VolumeOptions.Default);
                name = volume.Info.Type;
                hasFiles = volume.Enumerate(volume.RootId).Any(entry => !IsEmptyLostAndFound(volume, entry));
            }
            catch (Exception e) when (e is DiskFormatException or UnsupportedFeatureException)
            {
                throw new SafetyException($"the {type.Names[0]} filesystem that is there cannot be read, and would be lost");
            }
            if (hasFiles)
                throw new SafetyException($"the {name} filesystem that is there holds files, which would be lost");
        }
        else if (partition is not null || !HasTable(disk))
        {
            RefuseToLoseForeign(place);
        }
    }

    /// <summary>What Platter does not know may be dear to somebody all the same.</summary>
    internal static void RefuseToLoseForeign(VolumePlace place)
    {
        if (place.ForeignContent is { } name)
            throw new SafetyException($"it holds {name}, which would be lost");
        var swap = SwapArea.Recognise(place.Device);
        if (swap && IsHibernated(place.Device))
            throw new SafetyException("a system has hibernated into the swap area that is there: what it was doing would be lost");
        if (!swap && !place.IsBlank)
            throw new SafetyException("it holds data of a kind that Platter does not know, which would be lost");
    }

    private static bool IsHibernated(BlockDevice device)
    {
        try
        {
            return SwapArea.TryOpen(device) is { IsHibernated: true };
        }
        catch (DiskFormatException)
        {
            return false;       // broken: nobody wakes from it
        }
    }

    /// <summary>Whether there is a table, without partitions that would be lost.</summary>
    private static bool HasTable(DiskImage disk)
    {
        int count;
        try
        {
            count = disk.Partitions.Count;
        }
        catch (DiskFormatException e)
        {
            throw new SafetyException($"there is a damaged partition table, which would be lost ({ExitCode.Why(e)})");
        }
        if (count > 0)
            throw new SafetyException($"there is a partition table with {(count == 1 ? "1 partition" : $"{count} partitions")}, which would be lost");
        return disk.PartitionTable is not null;
    }

    // What formatting ext leaves is no file of anybody's.
    private static bool IsEmptyLostAndFound(Volume volume, DirectoryEntry entry) =>
        entry.Kind == EntryKind.Directory && entry.Name == "lost+found" && !volume.Enumerate(entry.Id).Any();
}

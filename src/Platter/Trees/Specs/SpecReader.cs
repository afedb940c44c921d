using System.Collections.ObjectModel;
using System.Globalization;
using System.Numerics;
using Platter.FileSystems.Swap;
using Platter.Trees.Toml;

namespace Platter.Trees.Specs;

/// <summary>Turns a TOML document into a <see cref="DiskSpec"/>: the disk and its partitions, and the rules between them.</summary>
internal static class SpecReader
{
    private const long MaxAlignment = 1 << 30;
    private const int MaxGptName = 36;   // UTF-16 units; UEFI 2.10, table 5.6
    private static readonly string[] Tables = ["gpt", "mbr", "apm", "none"];

    public static DiskSpec Read(LoadedSpec loaded)
    {
        var root = new SpecTable(loaded.Root, SpecSchema.Document);
        var image = root.Table("image", "[image]") is { } imageTable ? new SpecTable(imageTable, SpecSchema.Image) : null;
        var bare = root.Table("filesystem", "[filesystem]") is { } bareTable ? new SpecTable(bareTable, SpecSchema.BareFileSystem) : null;
        if (bare is not null && root.Has("partition"))
            throw root.FailAtKey("partition", "a spec has [[partition]] or [filesystem], not both");
        if (bare is null && image is null)
            throw root.FailAtKey("partition", root.Has("partition") ? "[[partition]] needs an [image], with its size" : "a spec needs [image] and [[partition]], or [filesystem]");

        var spec = ReadImage(loaded.SourceName, image, bare) with { Folders = loaded.Folders };
        if (bare is not null)
            return spec with { FileSystem = ReadBare(bare, spec) };
        var partitions = root.Tables("partition", "[[partition]]").Select(t => ReadPartition(new SpecTable(t, SpecSchema.Partition), spec)).ToList();
        CheckTogether(spec, partitions);
        return spec with { Partitions = partitions };
    }

    private static FileSystemSpec ReadBare(SpecTable table, DiskSpec disk)
    {
        var bare = FileSystemReader.Read(table);
        if (!bare.Free.IsNone && disk.Size.Rule != SizeRule.Auto)
            throw table.FailAtKey("free", "'free' is for a size of \"auto\"");
        if (bare.Type == SwapArea.TypeName)
            CheckSwap(table, bare, disk.Size);
        return bare;
    }

    private static DiskSpec ReadImage(string sourceName, SpecTable? image, SpecTable? bare)
    {
        var place = (image ?? bare)!.Place;
        var spec = new DiskSpec
        {
            SourceName = sourceName,
            Place = place,
            Size = ReadImageSize(image, bare),
            Format = image?.Text("format")?.ToLowerInvariant(),
            ContainerSettings = image is null ? ReadOnlyDictionary<string, string>.Empty : FileSystemReader.ReadSettings(image, "container"),
            Blobs = image is null ? [] : ReadBlobs(image, bare),
            PartitionTable = ReadPartitionTable(image, bare),
            SectorSize = ReadSectorSize(image),
        };
        if (spec.Size.Bytes % spec.SectorSize != 0)
            throw new TomlException(spec.Size.Place, $"'size' is {spec.Size.Bytes} bytes, which is no multiple of the sector size {spec.SectorSize}");
        if (image is null)
            return spec;
        if (image.Bytes("alignment") is { } alignment)
        {
            if (bare is not null)
                throw image.FailAtKey("alignment", "'alignment' is for partitions, and there is no partition table");
            if (!BitOperations.IsPow2(alignment) || alignment < spec.SectorSize || alignment > MaxAlignment)
                throw image.Fail("alignment", $"'alignment' is {alignment}, expected a power of two from the sector size {spec.SectorSize} to {MaxAlignment}");
            spec = spec with { Alignment = alignment };
        }
        return image.Has("disk_id") ? ReadDiskId(image, spec) : spec;
    }

    private static List<BlobSpec> ReadBlobs(SpecTable image, SpecTable? bare)
    {
        if (bare is not null && image.Has("blob"))
            throw image.FailAtKey("blob", "'blob' is for what lies beside partitions, and the filesystem fills the image");
        var blobs = new List<BlobSpec>();
        foreach (var item in image.Tables("blob", "[[image.blob]]"))
        {
            var table = new SpecTable(item, SpecSchema.Blob);
            var content = new SourceSpec(table.RequiredText("content", "\"u-boot.bin\""), table.PlaceOf("content"));
            blobs.Add(new BlobSpec(content, table.Bytes("offset") ?? throw table.Missing("offset", "\"8K\""), table.PlaceOf("offset")));
        }
        return blobs;
    }

    private static SizeSpec ReadImageSize(SpecTable? image, SpecTable? bare)
    {
        var ofImage = image?.Size("size", allowRest: false);
        var ofBare = bare?.Size("size", allowRest: false);
        if (ofImage is not null && ofBare is not null)
            throw bare!.FailAtKey("size", $"'size' is given twice, here and in [image] at line {ofImage.Value.Place.Line}");
        return ofImage ?? ofBare ?? (bare is not null ? new SizeSpec(SizeRule.Auto, 0, bare.Place) : throw image!.Missing("size", "\"2G\" or \"auto\""));
    }

    private static SpecPartitionTable ReadPartitionTable(SpecTable? image, SpecTable? bare)
    {
        var word = image?.Word("partition_table", Tables) ?? (bare is null ? "gpt" : "none");
        if (bare is not null && word != "none")
            throw image!.Fail("partition_table", $"'partition_table' is '{word}', but there is a [filesystem] that fills the image; a partition's is [partition.filesystem]");
        if (bare is null && word == "none")
            throw image!.Fail("partition_table", "'partition_table' is 'none', so a [filesystem] must fill the image");
        return word switch { "gpt" => SpecPartitionTable.Gpt, "mbr" => SpecPartitionTable.Mbr, "apm" => SpecPartitionTable.Apm, _ => SpecPartitionTable.None };
    }

    private static int ReadSectorSize(SpecTable? image)
    {
        var size = image?.Bytes("sector_size") ?? 512;
        return size is 512 or 1024 or 2048 or 4096 ? (int)size : throw image!.Fail("sector_size", $"'sector_size' is {size}, expected 512, 1024, 2048 or 4096");
    }

    private static DiskSpec ReadDiskId(SpecTable image, DiskSpec spec)
    {
        switch (spec.PartitionTable)
        {
            case SpecPartitionTable.Gpt:
                return spec with { DiskGuid = image.Guid("disk_id") };
            case SpecPartitionTable.Mbr:
                if (image.Value("disk_id") is TomlInteger)
                    return spec with { DiskSignature = (uint)image.Number("disk_id", uint.MaxValue)!.Value };
                var text = image.Text("disk_id")!;
                var digits = text.StartsWith("0x", StringComparison.OrdinalIgnoreCase) ? text.AsSpan(2) : text;
                if (digits.Length == 8 && uint.TryParse(digits, NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out var signature))
                    return spec with { DiskSignature = signature };
                throw image.Fail("disk_id", $"'disk_id' is {TomlCursor.Quote(text)}, expected the 8 hexadecimal digits of an MBR disk signature, such as 0x1234abcd");
            default:
                throw image.FailAtKey("disk_id", "'disk_id' is for GPT and MBR only");
        }
    }

    private static PartitionSpec ReadPartition(SpecTable table, DiskSpec disk)
    {
        var partition = new PartitionSpec
        {
            Place = table.Place,
            Name = table.Text("name", allowEmpty: true) ?? "",
            Type = ReadPartitionType(table, disk.PartitionTable),
            TypePlace = table.PlaceOf("type"),
            Size = table.Size("size", allowRest: true) ?? throw table.Missing("size", "\"64M\", \"auto\" or \"rest\""),
            Free = table.Free("free"),
            Start = table.Bytes(table.OneOf("start", "offset")),
            Bootable = table.Flag("bootable"),
            Attributes = [.. table.Texts("attributes").Select(a => a.Path)],
            AttributesPlace = table.PlaceOf("attributes"),
            UniqueId = table.Guid(table.OneOf("guid", "uuid")),
            Content = table.Text("content") is { } content ? new SourceSpec(content, table.PlaceOf("content")) : null,
            FileSystem = table.Table("filesystem", "[partition.filesystem]") is { } fs ? FileSystemReader.Read(new SpecTable(fs, SpecSchema.PartitionFileSystem)) : null,
        };
        if (partition.Start % disk.SectorSize is > 0)
        {
            var key = table.OneOf("start", "offset");
            throw table.Fail(key, $"'{key}' is {partition.Start}, which is no multiple of the sector size {disk.SectorSize}");
        }
        if (partition.Content is not null && partition.FileSystem is not null)
            throw table.FailAtKey("content", "a partition has 'content' or a [partition.filesystem], not both");
        if (partition.Size.Rule == SizeRule.Auto && partition.FileSystem is null && partition.Content is null)
            throw table.Fail("size", "'size' is \"auto\", but there is no [partition.filesystem] to fit it to");
        if (!partition.Free.IsNone && (partition.Size.Rule != SizeRule.Auto || partition.FileSystem is null))
            throw table.FailAtKey("free", "'free' is for a size of \"auto\", with a [partition.filesystem]");
        if (partition.FileSystem is { Type: SwapArea.TypeName } swap)
            CheckSwap(table, swap, partition.Size);
        if (partition.Size.Rule == SizeRule.Rest && disk.Size.Rule == SizeRule.Auto)
            throw table.Fail("size", $"'size' is \"rest\", but the image's own size is \"auto\" (line {disk.Size.Place.Line}): there is no rest");
        CheckScheme(table, partition, disk.PartitionTable);
        return partition;
    }

    private static void CheckSwap(SpecTable table, FileSystemSpec swap, SizeSpec size)
    {
        if (size.Rule == SizeRule.Auto)
            throw table.Fail("size", "'size' is \"auto\", but a swap area has no content to fit");
        if (swap.Sources.Count > 0 || swap.Files.Count > 0 || swap.Rules.Count > 0 || swap.Excludes.Count > 0 || swap.Owner is not null)
            throw new TomlException(swap.Place, "a swap area holds no files: it takes 'label', 'volume_id' and 'options' only");
    }

    private static string ReadPartitionType(SpecTable table, SpecPartitionTable scheme)
    {
        if (table.Value("type") is not TomlInteger)
            return table.RequiredText("type", "\"linux\"");
        if (scheme != SpecPartitionTable.Mbr)
            throw table.Fail("type", "'type' is an integer, which only an MBR knows; expected a name such as \"linux\", or a GUID");
        var value = table.Number("type", 255)!.Value;
        return value != 0 ? string.Create(CultureInfo.InvariantCulture, $"0x{value:X2}") : throw table.Fail("type", "'type' is 0, which marks an empty entry");
    }

    private static void CheckScheme(SpecTable table, PartitionSpec partition, SpecPartitionTable scheme)
    {
        if (scheme == SpecPartitionTable.Gpt && partition.Name.Length > MaxGptName)
            throw table.Fail("name", $"'name' has {partition.Name.Length} UTF-16 units, a GPT has room for {MaxGptName}");
        if (scheme == SpecPartitionTable.Mbr && partition.Name.Length > 0)
            throw table.FailAtKey("name", "'name': an MBR has no partition names");
        if (scheme != SpecPartitionTable.Gpt && partition.UniqueId is not null)
        {
            var key = table.OneOf("guid", "uuid");
            throw table.FailAtKey(key, $"'{key}' is for GPT only");
        }
        if (scheme != SpecPartitionTable.Gpt && partition.Attributes.Count > 0)
            throw table.FailAtKey("attributes", "'attributes' are for GPT only");
    }

    private static void CheckTogether(DiskSpec disk, List<PartitionSpec> partitions)
    {
        PartitionSpec? rest = null, active = null;
        Int128 needed = 0;
        foreach (var partition in partitions)
        {
            needed += partition.Size.Bytes;
            if (partition.Size.Rule == SizeRule.Rest)
            {
                if (rest is not null)
                    throw new TomlException(partition.Size.Place, $"'size' is \"rest\" for a second time; the first is at line {rest.Size.Place.Line}");
                rest = partition;
            }
            if (partition.Bootable && disk.PartitionTable == SpecPartitionTable.Mbr)
            {
                if (active is not null)
                    throw new TomlException(partition.Place, $"'bootable' is true for a second time; an MBR has one active partition, the one at line {active.Place.Line}");
                active = partition;
            }
            if (disk.Size.Rule == SizeRule.Fixed && (needed > disk.Size.Bytes || partition.Start >= disk.Size.Bytes))
                throw new TomlException(partition.Place, $"the partition does not fit: the image has {disk.Size}, the partitions up to here need {Describe(needed)}"
                    + (partition.Start is { } start ? $", and this one starts at {ByteSize.Format(start)}" : ""));
        }
    }

    private static string Describe(Int128 bytes) => bytes <= long.MaxValue ? ByteSize.Format((long)bytes) : $"{bytes} bytes";
}

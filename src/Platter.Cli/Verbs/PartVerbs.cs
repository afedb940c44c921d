using Platter.Cli.Output;
using Platter.Cli.Syntax;
using Platter.Partitions;

namespace Platter.Cli.Verbs;

internal sealed class PartListVerb : Verb
{
    private static readonly Option Free = Option.Flag("--free", "the gaps too");

    public override VerbSyntax Syntax => new()
    {
        Summary = "list the partitions of a disk",
        Arguments = [new("IMAGE", "the disk image") { Kind = ValueKind.Image }],
        Options = [Free],
        Examples = [new("platter part list pc.img", "numbers, places, types and names")],
    };

    public override int Run(Session session)
    {
        var (disk, _) = session.OpenDisk(session.Words[0]);
        using var __ = disk;
        var table = disk.PartitionTable ?? throw new CommandException(ExitCode.NotFound, null, "there is no partition table", "'platter part init gpt IMAGE' makes one");
        if (session.Json)
        {
            WriteJson(session, disk, table);
            return ExitCode.Done;
        }
        var rows = new Table("", "start", "end", "size", "type", "name", "content", "flags").Right(1, 2, 3);
        foreach (var p in table.Partitions)
        {
            rows.Add($"@{p.Number}", EntryText.Number(p.Start), EntryText.Number(p.End - 1), ByteSize.FormatRounded(p.Length), p.Type.ToString(), session.Show(p.Name),
                Content(disk, p), string.Join(", ", PartitionFlagNames.Format(p.Flags)));
        }
        if (session.Arguments.Has(Free))
        {
            foreach (var gap in table.FreeRanges())
                rows.Add("", EntryText.Number(gap.Offset), EntryText.Number(gap.End - 1), ByteSize.FormatRounded(gap.Length), "free", "", "", "");
        }
        rows.Write(session.Out, session.Paint);
        return ExitCode.Done;
    }

    private static string Content(DiskImage disk, Partition entry)
    {
        var partition = disk.Partitions.First(p => p.Number == entry.Number);
        return partition.ContentKind switch
        {
            PartitionContentKind.FileSystem => TypeOf(partition),
            PartitionContentKind.Swap => "swap",
            PartitionContentKind.Data => PartitionText.OfData(partition),
            _ => "",
        };
    }

    // The name that info has for it; of one that can't be opened the first of its family. The list is complete all the same.
    private static string TypeOf(DiskPartition partition)
    {
        try
        {
            using var volume = partition.OpenVolume();
            return volume.Info.Type;
        }
        catch (Exception e) when (e is DiskFormatException or UnsupportedFeatureException)
        {
            return partition.FileSystem!.Names[0];
        }
    }

    private static void WriteJson(Session session, DiskImage disk, PartitionTable table)
    {
        using var json = new Json(session.Out);
        json.Object();
        json.Field("scheme", table.Scheme.ToString().ToLowerInvariant());
        json.Field("sectorSize", (long)table.SectorSize);
        json.Field("id", table.DiskId?.ToString().ToUpperInvariant() ?? (table.DiskSignature is { } s and not 0 ? $"0x{s:X8}" : null));
        json.Array("partitions");
        foreach (var p in table.Partitions)
        {
            json.Object();
            PartitionText.WriteFields(json, p);
            json.Field("content", disk.Partitions.First(d => d.Number == p.Number).ContentKind.ToString().ToLowerInvariant());
            json.End();
        }
        json.EndArray();
        json.Array("free");
        foreach (var gap in table.FreeRanges())
        {
            json.Object();
            json.Field("start", gap.Offset);
            json.Field("length", gap.Length);
            json.End();
        }
        json.EndArray();
        json.End();
    }
}

internal sealed class PartInitVerb : Verb
{
    private static readonly Option Id = Option.Of("--id", "ID", "the disk's GUID (GPT) or signature (MBR, 0x and hexadecimal)");
    private static readonly Option Size = Option.Of("--size", "SIZE", "make IMAGE, of this size, when there is none");

    public override VerbSyntax Syntax => new()
    {
        Summary = "write an empty partition table",
        Arguments = [new("gpt|mbr|apm", "the kind of table") { Choices = ["gpt", "mbr", "apm"] }, new("IMAGE", "the disk image") { Kind = ValueKind.Image }],
        Options = [Id, Size, .. ContainerChoice.All],
        Examples = [new("platter part init gpt pc.img --size 8G", "a new disk"), new("platter part init mbr card.img --force", "in the place of an old table")],
        Remarks = "A disk with partitions, or with a filesystem that fills it, is left alone without --force.",
    };

    public override int Run(Session session)
    {
        // IMAGE first, as with every other verb, is understood too.
        var (kind, image) = IsKind(session.Words[0]) ? (session.Words[0], session.Words[1])
            : IsKind(session.Words[1]) ? (session.Words[1], session.Words[0])
            : throw new UsageException($"'{session.Words[0]}' is none of gpt, mbr, apm");
        var scheme = Enum.Parse<PartitionScheme>(kind, ignoreCase: true);
        session.Subject = image;
        var options = Options(session, scheme);
        if (!File.Exists(image) && session.Arguments.Size(Size) is { } size)
        {
            using var made = Images.NewImage.Create(image, size, NewImages.Options(session));
            PartitionEditor.Create(made.Device, scheme, options);
            made.Complete();
            return ExitCode.Done;
        }
        var (disk, _) = session.EditDisk(image);
        using var __ = disk;
        if (!session.Force)
            RefuseToLose(disk);
        PartitionEditor.Create(disk.Device, scheme, options);
        disk.Device.Flush();
        return ExitCode.Done;
    }

    // A table that is there, sound or not, is what the editor itself looks for.
    private static void RefuseToLose(DiskImage disk)
    {
        if (disk.FileSystem is { } type)
            throw new SafetyException($"a {type.Names[0]} filesystem fills the image, which would be lost");
        try
        {
            if (disk.PartitionTable is not null)
                return;
        }
        catch (DiskFormatException)
        {
            return;
        }
        MkfsVerb.RefuseToLoseForeign(disk.Place(null));
    }

    private static bool IsKind(string word) => word is "gpt" or "mbr" or "apm";

    private static PartitionOptions Options(Session session, PartitionScheme scheme)
    {
        var options = new PartitionOptions { Overwrite = session.Force, NewGuid = NewImages.Guids("disk") };
        var id = session.Arguments.Text(Id);
        if (id is null)
            return options;
        if (scheme == PartitionScheme.Gpt)
            return options with { DiskId = Guid.TryParse(id, out var guid) ? guid : throw new UsageException($"--id: '{id}' is not a GUID") };
        var digits = id.StartsWith("0x", StringComparison.OrdinalIgnoreCase) ? id[2..] : id;
        return options with
        {
            DiskSignature = uint.TryParse(digits, System.Globalization.NumberStyles.AllowHexSpecifier, null, out var signature) ? signature
                : throw new UsageException($"--id: '{id}' is not a disk signature of up to eight hexadecimal digits"),
        };
    }
}

internal sealed class PartAddVerb : Verb
{
    private static readonly Option Type = Option.Of("-t --type", "TYPE", "a name such as esp, linux, windows-data, a GUID (GPT) or a byte (MBR)");
    private static readonly Option Size = Option.Of("-s --size", "SIZE", "its size; max, as without it, takes all of the largest gap");
    private static readonly Option Start = Option.Of("--start", "SIZE", "where it starts on the disk; the first gap that fits otherwise");
    private static readonly Option Name = Option.Of("-n --name", "NAME", "its name (GPT, APM)");
    private static readonly Option Number = Option.Of("--number", "N", "its number; the first free one otherwise");
    private static readonly Option Flag = Option.Of("--flag", "NAME", "a flag such as bootable; may be given several times");
    private static readonly Option Id = Option.Of("--id", "GUID", "its own GUID (GPT)");
    private static readonly Option Logical = Option.Flag("--logical", "a logical partition (MBR); makes the extended one where there is none");
    private static readonly Option Primary = Option.Flag("--primary", "a primary partition (MBR), or nothing");
    private static readonly Option Align = Option.Of("--align", "SIZE", "what its start is a multiple of; 1M otherwise");

    public override VerbSyntax Syntax => new()
    {
        Summary = "add a partition, and print its number",
        Arguments = [new("IMAGE", "the disk image") { Kind = ValueKind.Image }],
        Options = [Type, Size, Start, Name, Number, Flag, Id, Logical, Primary, Align],
        Examples = [new("platter part add pc.img --type esp --size 64M --name EFI", "in the first gap that fits"), new("platter part add pc.img --type linux", "all that is left")],
    };

    public override int Run(Session session)
    {
        var a = session.Arguments;
        var (disk, _) = session.EditDisk(session.Words[0]);
        using var __ = disk;
        var options = new PartitionOptions
        {
            Alignment = a.Size(Align) ?? PartitionOptions.DefaultAlignment,
            AllowSmallerAlignment = !a.Has(Align),
            NewGuid = NewImages.Guids($"partition {disk.PartitionTable?.Partitions.Count}"),
        };
        if (disk.PartitionTable is null)
            throw new CommandException(ExitCode.NotFound, null, "there is no partition table", "'platter part init gpt IMAGE' makes one");
        var editor = PartitionEditor.Open(disk.Device, options);
        var scheme = editor.Table.Scheme;
        var added = editor.Add(new NewPartition
        {
            Type = PartitionType.Parse(a.Text(Type) ?? (scheme == PartitionScheme.Apm ? "apple-hfs" : "linux"), scheme),
            Start = a.Size(Start),
            Length = a.Text(Size) == "max" ? null : a.Size(Size),
            Name = a.Text(Name) ?? "",
            Flags = a.Texts(Flag).Aggregate(PartitionFlags.None, (all, name) => all | PartitionFlagNames.Parse(name)),
            UniqueId = PartSetVerb.Guid(a.Text(Id)),
            Number = a.Number(Number),
            Placement = a.Has(Logical) ? MbrPlacement.Logical : a.Has(Primary) ? MbrPlacement.Primary : MbrPlacement.Automatic,
        });
        disk.Device.Flush();
        PartSetVerb.Print(session, added);
        return ExitCode.Done;
    }
}

internal sealed class PartRmVerb : Verb
{
    public override VerbSyntax Syntax => new()
    {
        Summary = "remove a partition's entry; its data stays where it is",
        Arguments = [new("IMAGE", "the disk image") { Kind = ValueKind.Image }, new("N", "its number")],
        Examples = [new("platter part rm pc.img 3", "remove the third")],
    };

    public override int Run(Session session)
    {
        var number = PartitionText.Number(session.Words[1]);
        var (disk, _) = session.EditDisk(session.Words[0]);
        using var __ = disk;
        PartitionEditor.Open(disk.Device).Remove(number);
        disk.Device.Flush();
        return ExitCode.Done;
    }
}

internal sealed class PartResizeVerb : Verb
{
    public override VerbSyntax Syntax => new()
    {
        Summary = "move a partition's end; its start and the data in it stay",
        Arguments = [new("IMAGE", "the disk image") { Kind = ValueKind.Image }, new("N", "its number"), new("SIZE", "its new size; max takes all the room behind it")],
        Examples = [new("platter part resize pc.img 2 4G", "a new size"), new("platter part resize pc.img 2 max", "up to the next partition or the end of the disk")],
        Remarks = "The filesystem in it keeps its size: 'platter resize' changes that, before a partition is made smaller, or after it was made larger. Making a partition smaller than the "
            + "filesystem in it needs --force.",
    };

    public override int Run(Session session)
    {
        var number = PartitionText.Number(session.Words[1]);
        var (disk, _) = session.EditDisk(session.Words[0]);
        using var __ = disk;
        var editor = PartitionEditor.Open(disk.Device);
        var partition = editor.Table[number];
        var length = session.Words[2] == "max" ? Room(editor.Table, partition) : ByteSize.Parse(session.Words[2]);
        if (!session.Force && length < partition.Length)
            RefuseToCut(disk.Partitions.First(p => p.Number == number), length);
        PartSetVerb.Print(session, editor.Resize(number, length));
        disk.Device.Flush();
        return ExitCode.Done;
    }

    private static void RefuseToCut(DiskPartition partition, long length)
    {
        if (partition.FileSystem is not { } type)
            return;
        long? reach = null;
        try
        {
            reach = type.LengthOf(partition.Device);
        }
        catch (Exception e) when (e is DiskFormatException or UnsupportedFeatureException)
        {
            // Nobody knows how far it reaches.
        }
        if (reach is null || reach > length)
            throw new SafetyException($"partition {partition.Number} holds {(reach is null ? $"a {type.Names[0]} filesystem" : $"{reach} bytes of a {type.Names[0]} filesystem")}, which would be cut");
    }

    private static long Room(PartitionTable table, Partition partition)
    {
        foreach (var gap in table.FreeRanges())
        {
            if (gap.Offset == partition.End)
                return partition.Length + gap.Length;
        }
        return partition.Length;
    }
}

internal sealed class PartSetVerb : Verb
{
    private static readonly Option Type = Option.Of("-t --type", "TYPE", "a name such as esp, linux, a GUID (GPT) or a byte (MBR)");
    private static readonly Option Name = Option.Of("-n --name", "NAME", "its name (GPT, APM)");
    private static readonly Option Flag = Option.Of("--flag", "+NAME|-NAME", "a flag to set or to clear; may be given several times");
    private static readonly Option Id = Option.Of("--id", "GUID", "its own GUID (GPT)");

    public override VerbSyntax Syntax => new()
    {
        Summary = "change a partition's type, name, flags or GUID",
        Arguments = [new("IMAGE", "the disk image") { Kind = ValueKind.Image }, new("N", "its number")],
        Options = [Type, Name, Flag, Id],
        Examples = [new("platter part set pc.img 1 --type esp --flag +bootable", "a type and a flag")],
    };

    public override int Run(Session session)
    {
        var a = session.Arguments;
        var number = PartitionText.Number(session.Words[1]);
        var (disk, _) = session.EditDisk(session.Words[0]);
        using var __ = disk;
        var editor = PartitionEditor.Open(disk.Device);
        var flags = editor.Table[number].Flags;
        foreach (var word in a.Texts(Flag))
        {
            var flag = PartitionFlagNames.Parse(word.TrimStart('+', '-'));
            flags = word.StartsWith('-') ? flags & ~flag : flags | flag;
        }
        var set = editor.Set(number, new PartitionChange
        {
            Type = a.Text(Type) is { } type ? PartitionType.Parse(type, editor.Table.Scheme) : null,
            Name = a.Text(Name),
            Flags = a.Has(Flag) ? flags : null,
            UniqueId = Guid(a.Text(Id)),
        });
        disk.Device.Flush();
        Print(session, set);
        return ExitCode.Done;
    }

    internal static Guid? Guid(string? text) =>
        text is null ? null : System.Guid.TryParse(text, out var id) ? id : throw new UsageException($"--id: '{text}' is not a GUID");

    internal static void Print(Session session, Partition p)
    {
        if (session.Json)
        {
            using var json = new Json(session.Out);
            json.Object();
            PartitionText.WriteFields(json, p);
            json.End();
        }
        else if (!session.Quiet)
        {
            session.Out.WriteLine($"@{p.Number} {p.Type} {ByteSize.FormatRounded(p.Length)} at {p.Start}");
        }
    }
}

using Platter.Blocks;
using Platter.FileSystems;
using Platter.FileSystems.Ntfs;
using Platter.Fuzz.Mutation;

namespace Platter.Fuzz.Targets;

/// <summary>NTFS volumes, damaged or sound, that are opened for editing and edited at random: what was sound stays sound, and what is not is refused in order.</summary>
internal sealed class NtfsEditTarget : FuzzTarget
{
    // Of a log that was given up: the volume is marked for Windows to look at; and copies that others left old.
    private static readonly string[] Allowed = ["NTFS-0015", "NTFS-0016", "NTFS-0017"];

    private static readonly string[] Attributes = ["user.a", "user.ntfs.object_id", "user.ntfs.reparse", "user.ntfs.short_name", "user.ntfs.attributes", "system.ntfs_security"];

    private static readonly NtfsType Ntfs = new();
    private List<(PagedImage Image, NtfsMap Map)> _bases = [];

    public override string Name => "ntfs-edit";

    public override void Prepare() => _bases = NtfsBases.Make();

    public override bool Run(Dice dice)
    {
        var (image, map) = dice.Pick(_bases);
        var device = new OverlayDevice(image);
        if (!dice.OneIn(4))
            NtfsMutator.Mutate(device, map, dice);
        var before = Ntfs.Check(device, CheckOptions.Default);
        // On the bare device, or as the command does it, above a transaction.
        var target = dice.OneIn(2) ? device : default(BlockDevice);
        using var transaction = target is null ? TransactionDevice.Open(device, new MemoryJournalStore()) : null;
        target ??= transaction!;
        var edited = Try(() =>
        {
            using var volume = Ntfs.OpenForEditing(target, new VolumeOptions { DiscardJournal = dice.OneIn(2) });
            if (dice.OneIn(2))
                VolumeEditing.Script(volume, target.CanRollback, dice);
            else
                Script(volume, dice);
            if (dice.OneIn(3))
                VolumeReading.Everything(volume, target.Length, dice, kindsAgree: false);
        });
        if (dice.OneIn(3))
            Resize(target, dice);
        if (!edited)
            return false;
        var after = Ntfs.Check(target, CheckOptions.Default);
        foreach (var finding in before.Findings.Take(10))
            dice.Trace?.Invoke($"before: {finding}");
        foreach (var finding in after.Findings.Take(10))
            dice.Trace?.Invoke($"after: {finding}");
        if (IsSound(before))
            Expect(IsSound(after), $"a clean volume is clean after edits: {string.Join("; ", after.Findings.Where(IsFault).Take(3))}");
        return true;
    }

    // Shorter, where that is possible, and as long as the device again.
    private static void Resize(BlockDevice target, Dice dice)
    {
        foreach (var length in new long?[] { dice.Next((int)Math.Min(target.Length, int.MaxValue)), target.Length - dice.Next(1 << 20), null })
        {
            Try(() =>
            {
                try
                {
                    Ntfs.Resize(target, new ResizeOptions { Length = length });
                }
                catch (ArgumentException e) when (e.GetType() == typeof(ArgumentException))
                {
                    // What is in use would be cut off.
                }
            });
        }
    }

    private static bool IsSound(CheckReport report) => !report.Findings.Any(IsFault);

    private static bool IsFault(Finding finding) => finding.Severity > Severity.Note && !Allowed.Contains(finding.Code);

    // What NTFS has and others lack: streams, links, attributes of all kinds, descriptors.
    private static void Script(EditableVolume volume, Dice dice)
    {
        var known = new List<(NodeId Parent, string Name, NodeId Id)> { (volume.RootId, "", volume.RootId) };
        for (var i = 0; i < known.Count && known.Count < 60; i++)
        {
            var directory = known[i].Id;
            VolumeReading.Call(() =>
            {
                foreach (var entry in volume.Enumerate(directory).Take(30))
                    known.Add((directory, entry.Name, entry.Id));
            });
        }
        for (var left = dice.Between(1, 16); left > 0; left--)
            Try(() => Edit(volume, known, dice));
        volume.Commit();
    }

    private static void Edit(EditableVolume volume, List<(NodeId Parent, string Name, NodeId Id)> known, Dice dice)
    {
        var some = dice.Pick(known);
        var parent = dice.Pick(known).Id;
        var name = dice.OneIn(3) ? dice.Pick(known).Name : $"name {dice.Next(30)}{new string('x', dice.Next(60))}";
        var what = dice.Next(12);
        dice.Trace?.Invoke($"edit {what}: {some}, {parent}, '{name}'");
        switch (what)
        {
            case 0 or 1:
                using (var stream = volume.OpenWrite(some.Id, StreamName.Named(dice.OneIn(2) ? "stream" : $"s{dice.Next(40)}")))
                {
                    stream.WriteAt(dice.Next(9000), new byte[dice.Next(4000)]);
                    if (dice.OneIn(4))
                        stream.SetLength(dice.Next(3000));
                }
                break;
            case 2:
                volume.DeleteStream(some.Id, StreamName.Named(dice.OneIn(2) ? "stream" : $"s{dice.Next(40)}"));
                break;
            case 3:
                for (var i = dice.Between(1, 12); i > 0; i--)
                    volume.CreateHardLink(some.Id, parent, $"{name}{i}");
                break;
            case 4:
                known.Add((parent, name, volume.CreateSymbolicLink(parent, name, dice.Pick<string>(["other", "../x/y", "/many/deep", "a\\b", new string('t', 900)]), MetadataChange.None)));
                break;
            case 5:
                known.Add((parent, name, volume.CreateSpecial(parent, name, dice.Pick<EntryKind>([EntryKind.Fifo, EntryKind.Socket, EntryKind.CharacterDevice, EntryKind.BlockDevice]), new DeviceNumber(1, 3), MetadataChange.None)));
                break;
            case 6 or 7:
                var value = new byte[dice.Pick([0, 4, 8, 16, 64, 100, 700, 5000])];
                dice.Fill(value);
                if (dice.OneIn(3))
                    value = dice.Pick<byte[]>(["D:(A;;FA;;;WD)"u8.ToArray(), "*"u8.ToArray(), "SHORT~1"u8.ToArray(), [3, 0, 0, 0xA0, 4, 0, 0, 0, 1, 2, 3, 4], [0x24, 0, 0, 0x80, 0, 0, 0, 0]]);
                try
                {
                    volume.SetExtendedAttribute(some.Id, dice.OneIn(3) ? $"user.n{dice.Next(9)}" : dice.Pick(Attributes), dice.OneIn(4) ? null : value);
                }
                catch (ArgumentException e) when (e.GetType() == typeof(ArgumentException))
                {
                    // A value that is none of its kind.
                }
                break;
            case 8:
                volume.Delete(some.Parent, some.Name);
                break;
            case 9:
                volume.SetMetadata(some.Id, new MetadataChange { DosAttributes = (DosAttributes)dice.Next(0x4000), ShortName = dice.OneIn(2) ? $"S{dice.Next(20)}.TXT" : null });
                break;
            case 10:
                known.Add((parent, name, volume.CreateFile(parent, name, new MemoryStream(new byte[dice.Next(9000)]), null, MetadataChange.None)));
                break;
            default:
                // Many names, so that an index has to grow; or all but a few go again.
                for (var i = dice.Between(1, 60); i > 0; i--)
                    Try(() => volume.CreateFile(parent, $"{name} {i}", MetadataChange.None));
                for (var i = dice.Next(60); i > 0; i--)
                    Try(() => volume.Delete(parent, $"{name} {i}"));
                break;
        }
    }
}

using Platter.FileSystems.Clusters;
using Platter.Primitives;

namespace Platter.FileSystems.Fat;

/// <summary>Changes a FAT volume's directories. Each call is whole or leaves everything as it was.</summary>
internal sealed class FatEditor(FatVolume volume)
{
    private const DosAttributes Settable = DosAttributes.ReadOnly | DosAttributes.Hidden | DosAttributes.System | DosAttributes.Archive;

    // The parents of a directory are followed through ".." entries, which an image may bend into a loop.
    private const int MaxDepth = 65536;

    // Slots live in sectors of at least this size.
    private const int SectorBytes = 512;

    private long _changedSlots;

    /// <summary>An upper estimate of the directory bytes changed since the last commit.</summary>
    public long ChangedSlotBytes => _changedSlots * SectorBytes;

    /// <summary>The changes are no more: they were rolled back.</summary>
    public void ForgetChanges()
    {
        _changedSlots = 0;
        BootLabel = null;
    }

    /// <summary>The label that the boot sectors get with the commit: in memory until then, as everything else, so that setting it can't fail midway.</summary>
    public byte[]? BootLabel { get; private set; }

    public NodeId CreateFile(NodeId parent, string name, MetadataChange metadata)
    {
        var template = NewSlot(DosAttributes.Archive, metadata, 0);
        return AddEntry(parent, name, template);
    }

    public NodeId CreateDirectory(NodeId parent, string name, MetadataChange metadata)
    {
        var content = volume.OpenDirectory(parent, out var parentCluster);
        CheckNewName(content, name);
        var chain = new ClusterChain(volume.Table, 0);
        if (!chain.TryExtend(volume.Space, 1))
            throw new VolumeFullException("bytes", volume.Geometry.ClusterSize, 0);
        var complete = false;
        try
        {
            var template = NewSlot(DosAttributes.Directory, metadata, chain.First);
            var directory = FatDirectory.CreateEmpty(volume.Device, volume.Geometry, chain, volume.CodePage);
            Span<byte> dots = stackalloc byte[2 * FatShortSlot.Size];
            WriteDot(dots[..FatShortSlot.Size], template, ".", chain.First);
            WriteDot(dots[FatShortSlot.Size..], template, "..", parentCluster);
            directory.Insert(dots, volume.Space);
            // Before the entry: others may have to be written to make room for it in memory, which can fail.
            volume.AddDirectory(chain.First, directory);
            var id = AddEntry(parent, name, template);
            complete = true;
            return id;
        }
        finally
        {
            if (!complete)
            {
                volume.ForgetDirectory(chain.First);
                chain.Truncate(volume.Space, 0);
            }
        }
    }

    public void Delete(NodeId parent, string name)
    {
        var content = volume.OpenDirectory(parent, out var cluster);
        var entry = Find(content, name);
        CheckRemovable(cluster, content, entry, name);
        Remove(cluster, content, entry);
    }

    public void Rename(NodeId parent, string name, NodeId newParent, string newName, bool replace)
    {
        var from = volume.OpenDirectory(parent, out var fromCluster);
        var to = volume.OpenDirectory(newParent, out var toCluster);
        var entry = Find(from, name);
        WindowsNames.Validate(newName, "FAT");
        var sameDirectory = ReferenceEquals(from, to);
        if (sameDirectory && from.Name(entry) == newName)
            return;
        var moved = from.Slot(entry.ShortSlot);
        var isDirectory = IsDirectory(moved);
        var movedCluster = isDirectory ? volume.FirstCluster(from, entry.ShortSlot) : 0;
        if (isDirectory && !sameDirectory)
            CheckNotWithin(toCluster, movedCluster, name);

        var replaced = default(FatEntry?);
        if (to.TryFind(newName, out var existing) && !(sameDirectory && existing.ShortSlot == entry.ShortSlot))
        {
            if (!replace)
                throw new AlreadyExistsException(newName);
            if (isDirectory != IsDirectory(to.Slot(existing.ShortSlot)))
                throw new AlreadyExistsException(isDirectory ? $"the file {newName} (a directory can't replace it)" : $"the directory {newName} (a file can't replace it)");
            CheckRemovable(toCluster, to, existing, newName);
            replaced = existing;
        }

        // All that is needed later is read now, while nothing has changed: a broken chain, or a medium that fails, ends it here.
        var space = volume.Space;
        var replacedChain = new ClusterChain(volume.Table, replaced is { } r ? volume.FirstCluster(to, r.ShortSlot) : 0);
        var replacedCluster = replacedChain.First;
        replacedChain.PrepareTruncate(space, 0);
        var child = isDirectory && !sameDirectory ? volume.GetDirectory(movedCluster) : null;

        // First out with the old slots, so that a full directory has room for the new ones; put back if that fails.
        space.BeginChange();
        var savedReplaced = replaced is { } gone ? to.Remove(gone) : null;
        var saved = from.Remove(entry);
        int shortSlot;
        var complete = false;
        try
        {
            shortSlot = to.Insert(MakeSlots(to, newName, moved), space);
            complete = true;
        }
        finally
        {
            if (!complete)
            {
                from.Restore(entry, saved);
                if (savedReplaced is not null)
                    to.Restore(replaced!.Value, savedReplaced);
                space.EndChange();
            }
        }
        _changedSlots += entry.SlotCount + FatLongSlot.MaxSlots;
        if (replaced is { } victim)
        {
            volume.Nodes.Delete(FatVolume.Location(toCluster, victim.ShortSlot));
            if (replacedCluster != 0)
            {
                if (isDirectory)
                    volume.ForgetDirectory(replacedCluster);
                replacedChain.Truncate(space, 0);
            }
        }
        volume.Nodes.Move(FatVolume.Location(fromCluster, entry.ShortSlot), FatVolume.Location(toCluster, shortSlot));
        if (child is not null)
            SetParent(child, toCluster);
        space.EndChange();
    }

    public void SetMetadata(NodeId id, MetadataChange change)
    {
        RefuseForeign(change);
        if (id == volume.RootId)
        {
            if (change.DosAttributes is not null || change.Created is not null || change.Modified is not null || change.Accessed is not null)
                throw new UnsupportedFeatureException("FAT keeps no times and no attributes for its root directory");
            return;
        }
        var directory = volume.Resolve(id, out var slotIndex);
        Apply(ref directory.EditSlot(slotIndex), change);
        _changedSlots++;
    }

    public void SetLabel(string label)
    {
        var stored = FatShortNames.EncodeLabel(label.Length == 0 ? "NO NAME" : label, volume.CodePage);
        var root = volume.GetDirectory(0);
        var slotIndex = root.FindLabel();
        if (label.Length == 0)
        {
            if (slotIndex >= 0)
                root.Remove(new FatEntry(slotIndex, slotIndex, false, 0));
        }
        else if (slotIndex >= 0)
        {
            ((ReadOnlySpan<byte>)stored).CopyTo(root.EditSlot(slotIndex).Name);
        }
        else
        {
            var slot = default(FatShortSlot);
            ((ReadOnlySpan<byte>)stored).CopyTo(slot.Name);
            slot.Attributes = (byte)DosAttributes.VolumeLabel;
            Apply(ref slot, new MetadataChange { Modified = volume.Now });
            root.Insert(OnDisk.Bytes(in slot), volume.Space);
        }
        _changedSlots++;
        if (volume.Geometry.BootLabel is not null)
            BootLabel = stored;
    }

    public void Commit()
    {
        if (BootLabel is { } label)
            WriteBootLabel(label);
        if (volume.UncommittedBytes > 0)
            FatState.WriteInfo(volume.Device, volume.Geometry, volume.Space);
        volume.WriteBack();
        volume.Device.Flush();
        volume.Space.Committed();
        _changedSlots = 0;
    }

    private void WriteBootLabel(byte[] label)
    {
        var geometry = volume.Geometry;
        var sectors = geometry.BackupBootSector == 0 ? new[] { 0 } : [0, geometry.BackupBootSector];
        foreach (var sector in sectors)
        {
            var at = (long)sector * geometry.BytesPerSector + geometry.ExtendedRecordOffset + 7;    // FatExtendedBootRecord.Label
            volume.Device.Write(at, label);
        }
        volume.RereadBootSector();
        BootLabel = null;
    }

    private static bool IsDirectory(in FatShortSlot slot) => ((DosAttributes)slot.Attributes & DosAttributes.Directory) != 0;

    private static FatEntry Find(FatDirectory directory, string name) =>
        directory.TryFind(name, out var entry) ? entry : throw new FileNotFoundException($"no such file or directory: {name}");

    private static void CheckNewName(FatDirectory directory, string name)
    {
        WindowsNames.Validate(name, "FAT");
        if (directory.TryFind(name, out _))
            throw new AlreadyExistsException(name);
    }

    private NodeId AddEntry(NodeId parent, string name, in FatShortSlot template)
    {
        var directory = volume.OpenDirectory(parent, out var cluster);
        CheckNewName(directory, name);
        var slots = MakeSlots(directory, name, template);
        var shortSlot = directory.Insert(slots, volume.Space);
        _changedSlots += slots.Length / FatShortSlot.Size;
        return volume.Nodes.IdOf(FatVolume.Location(cluster, shortSlot));
    }

    private byte[] MakeSlots(FatDirectory directory, string name, in FatShortSlot template)
    {
        Span<byte> plain = stackalloc byte[FatShortNames.Length];
        if (FatShortNames.TryStore(name, volume.CodePage, plain, out var flags))
        {
            var single = new byte[FatShortSlot.Size];
            PutShort(single, template, plain, flags);
            return single;
        }
        return MakeLongSlots(directory, name, template);
    }

    private byte[] MakeLongSlots(FatDirectory directory, string name, in FatShortSlot template)
    {
        var alias = FatShortNames.MakeAlias(name, volume.CodePage, shown => directory.TryFind(shown, out _));
        var longSlots = FatSlotReader.SlotsFor(name);
        var slots = new byte[(longSlots + 1) * FatShortSlot.Size];
        FatSlotReader.WriteLongName(slots, name, FatShortNames.Checksum(alias));
        PutShort(slots.AsSpan(longSlots * FatShortSlot.Size), template, alias, FatCaseFlags.None);
        return slots;
    }

    private static void PutShort(Span<byte> target, in FatShortSlot template, ReadOnlySpan<byte> name, FatCaseFlags flags)
    {
        ref var slot = ref OnDisk.Edit<FatShortSlot>(target);
        slot = template;
        name.CopyTo(slot.Name);
        // What was said of the name before does not hold for this one.
        slot.Case = flags | (template.Case & ~(FatCaseFlags.LowerBase | FatCaseFlags.LowerExtension | FatCaseFlags.NoShortName));
    }

    private FatShortSlot NewSlot(DosAttributes attributes, MetadataChange metadata, uint firstCluster)
    {
        RefuseForeign(metadata);
        var slot = default(FatShortSlot);
        slot.Attributes = (byte)attributes;
        slot.ClusterLow = (ushort)firstCluster;
        slot.ClusterHigh = (ushort)(firstCluster >> 16);
        var now = volume.Now;
        Apply(ref slot, new MetadataChange { Created = now, Modified = now, Accessed = now });
        Apply(ref slot, metadata);
        return slot;
    }

    private static void WriteDot(Span<byte> target, FatShortSlot template, string name, uint cluster)
    {
        template.ClusterLow = (ushort)cluster;
        template.ClusterHigh = (ushort)(cluster >> 16);
        template.Attributes = (byte)DosAttributes.Directory;
        Span<byte> stored = stackalloc byte[FatShortNames.Length];
        stored.Fill((byte)' ');
        stored[..name.Length].Fill((byte)'.');
        PutShort(target, template, stored, FatCaseFlags.None);
    }

    private void Apply(ref FatShortSlot slot, MetadataChange change)
    {
        if (change.DosAttributes is { } attributes)
            slot.Attributes = (byte)((slot.Attributes & ~(byte)Settable) | (byte)(attributes & Settable));
        if (change.Created is { } created)
        {
            var (date, time, tenMs) = DosTimes.Encode(created, volume.UtcOffset);
            slot.CreatedDate = date;
            slot.CreatedTime = time;
            slot.CreatedTenMs = tenMs;
        }
        if (change.Modified is { } modified)
        {
            var (date, time, _) = DosTimes.Encode(modified, volume.UtcOffset);
            slot.ModifiedDate = date;
            slot.ModifiedTime = time;
        }
        if (change.Accessed is { } accessed)
            slot.AccessedDate = DosTimes.Encode(accessed, volume.UtcOffset).Date;
    }

    private void RefuseForeign(MetadataChange change)
    {
        var missing = volume.Capabilities.MissingFor(change)
            ?? (change.ShortName is not null ? "short names of one's own choice (they are made from the long name)" : null);
        if (missing is not null)
            throw new UnsupportedFeatureException($"FAT has no {missing}");
    }

    private void CheckRemovable(uint cluster, FatDirectory directory, FatEntry entry, string name)
    {
        if (volume.IsOpen(volume.Nodes.IdOf(FatVolume.Location(cluster, entry.ShortSlot))))
            throw new InUseException($"{name} is open");
        if (!IsDirectory(directory.Slot(entry.ShortSlot)))
            return;
        var own = volume.FirstCluster(directory, entry.ShortSlot);
        if (own != 0 && volume.GetDirectory(own).HasEntries)
            throw new DirectoryNotEmptyException(name);
    }

    private void Remove(uint cluster, FatDirectory directory, FatEntry entry)
    {
        // The chain is walked to its end before anything changes: a broken one is refused, not half freed. Once it is given back, nothing can fail.
        var first = volume.FirstCluster(directory, entry.ShortSlot);
        var isDirectory = IsDirectory(directory.Slot(entry.ShortSlot));
        new ClusterChain(volume.Table, first).Truncate(volume.Space, 0);
        if (first != 0 && isDirectory)
            volume.ForgetDirectory(first);
        directory.Remove(entry);
        volume.Nodes.Delete(FatVolume.Location(cluster, entry.ShortSlot));
        _changedSlots += entry.SlotCount;
    }

    private void CheckNotWithin(uint directory, uint moved, string name)
    {
        for (var depth = 0; directory != 0 && directory != volume.Geometry.RootCluster; depth++)
        {
            if (directory == moved)
                throw new ArgumentException($"{name} can't be moved into itself");
            if (depth > MaxDepth)
                throw new DiskFormatException("FAT-0208", "Directory", volume.Geometry.ClusterOffset(directory), "its parents lead in a circle");
            directory = ParentOf(directory);
        }
    }

    private uint ParentOf(uint directory)
    {
        var content = volume.GetDirectory(directory);
        return FindDotDot(content) is var slot && slot >= 0
            ? volume.FirstCluster(content, slot)
            : throw new DiskFormatException("FAT-0209", "Directory", volume.Geometry.ClusterOffset(directory), "has no '..' entry in its second slot");
    }

    private void SetParent(FatDirectory directory, uint parent)
    {
        var slot = FindDotDot(directory);
        if (slot >= 0)
            volume.SetFirstCluster(directory, slot, parent);
    }

    private static int FindDotDot(FatDirectory directory)
    {
        if (directory.Slots.Length < 2 * FatShortSlot.Size)
            return -1;
        ReadOnlySpan<byte> name = directory.Slot(1).Name;
        return name.SequenceEqual("..         "u8) ? 1 : -1;
    }
}

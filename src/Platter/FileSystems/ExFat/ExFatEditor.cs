using Platter.FileSystems.Clusters;
using Platter.Primitives;

namespace Platter.FileSystems.ExFat;

/// <summary>Changes an exFAT volume's directories. Each call is whole or leaves everything as it was.</summary>
internal sealed class ExFatEditor(ExFatVolume volume)
{
    private const string Format = "exFAT";

    public NodeId CreateFile(NodeId parent, string name, MetadataChange metadata) =>
        AddEntry(parent, name, NewFile(DosAttributes.Archive, metadata), default);

    public NodeId CreateDirectory(NodeId parent, string name, MetadataChange metadata)
    {
        CheckNewName(volume.OpenDirectory(parent), name);
        var file = NewFile(DosAttributes.Directory, metadata);
        var chain = new ClusterChain(volume.Table, 0);
        if (!chain.TryExtend(volume.Space, 1))
            throw new VolumeFullException("bytes", volume.Geometry.ClusterSize, 0);
        var complete = false;
        try
        {
            var directory = ExFatDirectory.CreateEmpty(volume, chain, volume.Geometry.ClusterSize);
            var stream = default(ExFatStreamEntry);
            ExFatVolume.SetAllocation(ref stream, chain, volume.Geometry.ClusterSize, volume.Geometry.ClusterSize);
            var id = AddEntry(parent, name, file, stream);
            directory.BecomeNode(id, volume.Numbers.NumberOf(id));
            volume.AddDirectory(directory);
            complete = true;
            return id;
        }
        finally
        {
            if (!complete)
                chain.Truncate(volume.Space, 0);
        }
    }

    public void Delete(NodeId parent, string name)
    {
        var directory = volume.OpenDirectory(parent);
        var slot = Find(directory, name);
        var id = volume.Numbers.IdOf(directory.Number, slot);
        CheckRemovable(id, directory.SealedSet(slot), name);
        var chains = ChainsOf(directory.Set(slot));
        var space = volume.Space;
        space.BeginChange();
        directory.Remove(slot);
        Forget(id, directory.Number, slot, chains);
        space.EndChange();
    }

    public void Rename(NodeId parent, string name, NodeId newParent, string newName, bool replace)
    {
        var from = volume.OpenDirectory(parent);
        var to = volume.OpenDirectory(newParent);
        var slot = Find(from, name);
        WindowsNames.Validate(newName, Format);
        var sameDirectory = ReferenceEquals(from, to);
        var moved = from.SealedSet(slot);
        if (sameDirectory && moved.Name() == newName)
            return;
        var id = volume.Numbers.IdOf(from.Number, slot);
        var isDirectory = moved.IsDirectory;
        var renamed = ExFatEntrySet.Make(newName, volume.Upcase.Hash(newName), moved.File, moved.Stream, moved.Additions);
        if (isDirectory && !sameDirectory)
            CheckNotWithin(to, id, name);

        var replaced = -1;
        var replacedId = default(NodeId);
        var replacedChains = new List<ClusterChain>();
        if (to.TryFind(newName, out var existing) && !(sameDirectory && existing == slot))
        {
            if (!replace)
                throw new AlreadyExistsException(newName);
            var victim = to.SealedSet(existing);
            if (isDirectory != victim.IsDirectory)
                throw new AlreadyExistsException(isDirectory ? $"the file {newName} (a directory can't replace it)" : $"the directory {newName} (a file can't replace it)");
            replaced = existing;
            replacedId = volume.Numbers.IdOf(to.Number, existing);
            CheckRemovable(replacedId, victim, newName);
            replacedChains = ChainsOf(to.Set(existing));
        }

        // First out with the old sets, so that a full directory has room for the new one; put back if that fails.
        var space = volume.Space;
        space.BeginChange();
        var savedReplaced = replaced >= 0 ? to.Remove(replaced) : null;
        var saved = from.Remove(slot);
        int newSlot;
        var complete = false;
        try
        {
            newSlot = to.Insert(renamed);
            complete = true;
        }
        finally
        {
            if (!complete)
            {
                from.Restore(slot, saved);
                if (savedReplaced is not null)
                    to.Restore(replaced, savedReplaced);
                space.EndChange();
            }
        }
        if (replaced >= 0)
            Forget(replacedId, to.Number, replaced, replacedChains);
        volume.Numbers.Nodes.Move(ExFatDirectoryNumbers.Location(from.Number, slot), ExFatDirectoryNumbers.Location(to.Number, newSlot));
        space.EndChange();
    }

    public void SetMetadata(NodeId id, MetadataChange change)
    {
        RefuseForeign(change);
        if (id == volume.RootId)
        {
            if (change.DosAttributes is not null || change.Created is not null || change.Modified is not null || change.Accessed is not null)
                throw new UnsupportedFeatureException("exFAT keeps no times and no attributes for its root directory");
            return;
        }
        var (directory, slot) = volume.Resolve(id);
        var set = directory.BeginChange(slot);
        Apply(ref set.File, change);
        directory.EndChange(slot, set);
    }

    public void SetLabel(string label)
    {
        var entry = ExFatNameRules.EncodeLabel(label);
        var root = volume.GetDirectory(ExFatDirectoryNumbers.Root);
        var slot = volume.FindLabel(root);
        if (slot >= 0)
            root.Put(slot, entry);
        else if (label.Length > 0)
            root.Insert(entry);
        volume.ForgetLabel();
    }

    private static int Find(ExFatDirectory directory, string name) =>
        directory.TryFind(name, out var slot) ? slot : throw new FileNotFoundException($"no such file or directory: {name}");

    private static void CheckNewName(ExFatDirectory directory, string name)
    {
        WindowsNames.Validate(name, Format);
        if (directory.TryFind(name, out _))
            throw new AlreadyExistsException(name);
    }

    private NodeId AddEntry(NodeId parent, string name, in ExFatFileEntry file, in ExFatStreamEntry stream)
    {
        var directory = volume.OpenDirectory(parent);
        CheckNewName(directory, name);
        var slot = directory.Insert(ExFatEntrySet.Make(name, volume.Upcase.Hash(name), file, stream, []));
        return volume.Numbers.IdOf(directory.Number, slot);
    }

    private ExFatFileEntry NewFile(DosAttributes attributes, MetadataChange metadata)
    {
        RefuseForeign(metadata);
        var file = default(ExFatFileEntry);
        file.Attributes = (ushort)attributes;
        volume.Stamp(ref file);
        (file.Created, file.CreatedTenMs, file.CreatedUtcOffset) = (file.Modified, file.ModifiedTenMs, file.ModifiedUtcOffset);
        Apply(ref file, metadata);
        return file;
    }

    private void Apply(ref ExFatFileEntry file, MetadataChange change)
    {
        var settable = volume.Capabilities.SettableAttributes;
        if (change.DosAttributes is { } attributes)
            file.Attributes = (ushort)((file.Attributes & ~(ushort)settable) | (ushort)(attributes & settable));
        if (change.Created is { } created)
            (file.Created, file.CreatedTenMs, file.CreatedUtcOffset) = ExFatTimes.Encode(created, volume.UtcOffset);
        if (change.Modified is { } modified)
            (file.Modified, file.ModifiedTenMs, file.ModifiedUtcOffset) = ExFatTimes.Encode(modified, volume.UtcOffset);
        if (change.Accessed is { } accessed)
            (file.Accessed, _, file.AccessedUtcOffset) = ExFatTimes.Encode(accessed, volume.UtcOffset);
    }

    private void RefuseForeign(MetadataChange change)
    {
        if (volume.Capabilities.MissingFor(change) is { } missing)
            throw new UnsupportedFeatureException($"exFAT has no {missing}");
    }

    private void CheckRemovable(NodeId id, ExFatEntrySet set, string name)
    {
        if (volume.IsOpen(id))
            throw new InUseException($"{name} is open");
        if (set.IsDirectory && volume.GetDirectory(volume.Numbers.NumberOf(id)).HasEntries)
            throw new DirectoryNotEmptyException(name);
    }

    // All clusters that go with a file, its own and those of entries behind the names (section 8.2: also when nobody knows what they are for).
    // Walked to their ends, and what will be changed of them read, before anything changes: a broken chain is refused, not half freed.
    private List<ClusterChain> ChainsOf(ExFatEntrySet set)
    {
        var chains = new List<ClusterChain>(1) { volume.ChainOf(set.Stream.FirstCluster, set.Stream.DataLength, set.Stream.Flags) };
        for (var at = 0; at < set.Additions.Length; at += ExFatEntryType.Size)
        {
            ref readonly var entry = ref OnDisk.View<ExFatSecondaryEntry>(set.Additions, at);
            if (entry.Type != ExFatEntryType.Name && entry.Flags.HasFlag(ExFatSecondaryFlags.AllocationPossible))
                chains.Add(volume.ChainOf(entry.FirstCluster, entry.DataLength, entry.Flags));
        }
        foreach (var chain in chains)
            chain.PrepareTruncate(volume.Space, 0);
        return chains;
    }

    private void Forget(NodeId id, uint directory, int slot, List<ClusterChain> chains)
    {
        volume.ForgetDirectory(id);
        volume.Numbers.Nodes.Delete(ExFatDirectoryNumbers.Location(directory, slot));
        foreach (var chain in chains)
            chain.Truncate(volume.Space, 0);
    }

    // Upwards from where it is to go; deleted directories aside, numbers lead to the root without circles.
    private void CheckNotWithin(ExFatDirectory to, NodeId moved, string name)
    {
        for (var number = to.Number; number != ExFatDirectoryNumbers.Root; number = volume.Numbers.ParentOf(number))
        {
            if (volume.Numbers.NodeOf(number) == moved)
                throw new ArgumentException($"{name} can't be moved into itself");
        }
    }
}

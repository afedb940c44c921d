namespace Platter.FileSystems.Ntfs;

/// <summary>The means of editing, for repairs: each change is whole or undone.</summary>
/// <remarks>One for all changes of a repair: which clusters were freed since the last commit, and must not be written over, is known to this alone.</remarks>
internal sealed class NtfsRepairEdit
{
    private readonly NtfsEditState _state;

    /// <exception cref="DiskFormatException">What editing needs of a volume is broken.</exception>
    /// <exception cref="UnsupportedFeatureException">The volume cannot be edited.</exception>
    public NtfsRepairEdit(NtfsRepairState repair)
    {
        var changes = new NtfsChanges(repair.Device);
        var options = repair.Options.Check.Volume;
        var volume = NtfsVolume.Open(changes, options);
        NtfsEditRefusals.RequireBitmap(volume);
        _state = new NtfsEditState(volume, changes, options);
    }

    public NtfsEditState State => _state;

    /// <summary>Makes a change; false when it cannot be made, and then nothing has changed.</summary>
    public bool TryDo(Action<NtfsEditState> change)
    {
        var complete = false;
        _state.Begin();
        try
        {
            change(_state);
            _state.Store();
            complete = true;
        }
        catch (Exception e) when (e is DiskFormatException or UnsupportedFeatureException or VolumeFullException or FileNotFoundException or AlreadyExistsException)
        {
            // What stands in its way stays, and the check tells it.
        }
        finally
        {
            if (complete)
                _state.Keep();
            else
                _state.Undo();
        }
        return complete;
    }

    /// <summary>Writes what has changed to the device, so that a check sees it; commits nothing.</summary>
    public void Write() => _state.WriteBack();

    /// <summary>Records were written past the editors of files: those are made anew.</summary>
    public void Forget()
    {
        Write();
        _state.ForgetEditors();
    }
}
